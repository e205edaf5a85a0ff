import type { View } from 'vega'
import type { TopLevelSpec } from 'vega-lite'
import type { ChartSpec } from '../charts/chart-spec.ts'
import { textWidth } from '../charts/text-width.ts'

/**
 * The picture of a chart as SVG text, drawn without a browser. With a title it stands on its own, and without
 * one in a page that has its own headings. Rejects if the specification does not compile; a warning of the
 * compiler counts as such, because it means that something asked for is not in the picture.
 */
export async function renderChart(spec: ChartSpec, title?: string): Promise<string> {
  // Loaded here, not above: megabytes that only those who draw should pay for.
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  // Without a screen there is nothing to measure text with; the guess used otherwise is half as wide again.
  const { textMetrics } = vega as unknown as { readonly textMetrics: TextMetrics }
  textMetrics.width = measure
  const warnings: string[] = []
  const logger = vega.logger(vega.Warn, undefined, (_method, _level, message) => {
    warnings.push(message.join(' '))
  })
  // A copy: Vega marks every row of data that it is given.
  const own = structuredClone(title === undefined ? spec : { ...spec, title })
  const compiled = vegaLite.compile(own as unknown as TopLevelSpec, { logger })
  const view: View = new vega.View(vega.parse(compiled.spec), { renderer: 'none', logger })
  try {
    // Ids of clipping paths are counted over all drawings: counted anew, equal charts are equal texts.
    vega.resetSVGDefIds()
    const svg = await view.toSVG()
    if (warnings.length > 0) throw new Error(warnings.join('; '))
    return svg
  } finally {
    view.finalize()
  }
}

/** Exported by Vega, and meant to be replaced, though its types leave it out. */
interface TextMetrics {
  width: (style: StyledText, text: unknown) => number
}

interface StyledText {
  readonly fontSize?: number
  readonly fontWeight?: number | string
}

function measure({ fontSize = 11, fontWeight = 400 }: StyledText, text: unknown): number {
  const bold = fontWeight === 'bold' || Number(fontWeight) >= 600
  return textWidth(String(text), fontSize, bold)
}
