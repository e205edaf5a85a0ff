import type { Column, Fact, Figure, Report, Table } from '../charts/report.ts'
import { escapeHtml } from './escape-html.ts'
import { pageStyle } from './page-style.ts'

/**
 * The report as one HTML page that needs nothing else: no script, no network, no file beside it.
 *
 * @param drawings The figures' SVG texts without titles, in the order of the figures.
 * @param fonts Style rules with the fonts in them.
 */
export function page(report: Report, drawings: readonly string[], fonts: string): string {
  const { title, lead, facts, command, figures, tables } = report
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:">
<title>${escapeHtml(title)}</title>
<style>
${fonts}
${pageStyle()}
</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(lead)}</p>
${factList(facts)}
<div class="command">The same run again:<pre><code>${escapeHtml(command)}</code></pre></div>
${figures.map((figure, index) => figureSection(figure, drawings[index] ?? '')).join('\n')}
${tables.map(tableSection).join('\n')}
<footer>Made by Weir's simulator. Equal seeds and options give equal runs.</footer>
</main>
</body>
</html>
`
}

function factList(facts: readonly Fact[]): string {
  if (facts.length === 0) return ''
  const items = facts.map(
    ({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`,
  )
  return `<dl class="facts">${items.join('')}</dl>`
}

function figureSection({ id, title, caption }: Figure, svg: string): string {
  const name = `${id}-title`
  const named = own(svg, id).replace('<svg ', `<svg role="img" aria-labelledby="${name}" `)
  return `<section>
<h2 id="${name}">${escapeHtml(title)}</h2>
<p class="caption">${escapeHtml(caption)}</p>
<div class="drawing scroll">${named}</div>
</section>`
}

/** Names inside a drawing, such as those of clipping paths, belong to the whole page: each gets its figure's. */
function own(svg: string, id: string): string {
  return svg
    .replace(/\bid="([^"]+)"/g, `id="${id}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${id}-$1)`)
    .replace(/href="#([^"]+)"/g, `href="#${id}-$1"`)
}

function tableSection({ title, caption, columns, rows }: Table): string {
  const sides = columns.map((column, index) => sideOf(column, rows[0]?.[index]))
  const heads = columns.map(
    ({ label }, index) => `<th scope="col" class="${sides[index]}">${escapeHtml(label)}</th>`,
  )
  const body = rows.map((row) => {
    const cells = row.map((cell, index) => `<td class="${sides[index]}">${cellText(cell)}</td>`)
    return `<tr>${cells.join('')}</tr>`
  })
  return `<section>
<h2>${escapeHtml(title)}</h2>
${caption === undefined ? '' : `<p class="caption">${escapeHtml(caption)}</p>`}
<div class="scroll"><table>
<thead><tr>${heads.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>
</section>`
}

function sideOf({ align }: Column, sample: string | number | undefined): 'left' | 'right' {
  return align ?? (typeof sample === 'number' ? 'right' : 'left')
}

function cellText(cell: string | number): string {
  if (typeof cell === 'string') return escapeHtml(cell)
  return cell.toLocaleString('en-US', { maximumFractionDigits: 6 })
}
