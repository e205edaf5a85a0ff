import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pictureFonts } from './fonts.ts'

/** Pixels of a picture for each pixel of the drawing: sharp on a good screen, and in print. */
const ZOOM = 2
/**
 * What our own font has glyphs for. A text with any other, such as a sign for "at most", may come out in another face
 * altogether, or with a box in it where the machine has no font for it either.
 */
const OWN_GLYPHS =
  /^[\t\n\r -~\u00a0-\u00ff\u0370-\u03ff\u2013\u2014\u2018-\u201d\u2022\u2026\u2212]*$/

/**
 * Drawings as PNG pictures, in their order. Text is set in the font that comes with us; the machine's fonts are
 * asked only for characters that it lacks, since they differ between machines, and there may be none.
 */
export async function renderPictures(drawings: readonly string[]): Promise<Buffer[]> {
  const { Resvg } = await import('@resvg/resvg-js')
  // The renderer reads fonts from files alone.
  const directory = await mkdtemp(join(tmpdir(), 'weir-fonts-'))
  try {
    const fonts = await pictureFonts()
    const fontFiles = fonts.map((_, index) => join(directory, `${index}.ttf`))
    await Promise.all(fonts.map((font, index) => writeFile(fontFiles[index] ?? '', font)))
    return drawings.map((svg) => {
      const loadSystemFonts = !OWN_GLYPHS.test(svg)
      const font = { fontFiles, loadSystemFonts, defaultFontFamily: 'Inter' }
      return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: ZOOM } }).render().asPng()
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
