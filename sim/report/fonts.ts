import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fontOfWoff } from './web-open-font.ts'

/** A weight and an alphabet of the one font that everything is set in. */
interface Face {
  readonly weight: 400 | 700
  readonly alphabet: 'latin' | 'greek'
}

const FACES: readonly Face[] = [
  { weight: 400, alphabet: 'latin' },
  { weight: 700, alphabet: 'latin' },
  { weight: 400, alphabet: 'greek' },
  { weight: 700, alphabet: 'greek' },
]

/** Greek is asked for only by what is Greek, such as Δ. */
const ALPHABET_RANGE = { latin: 'U+0000-036F, U+2000-22FF', greek: 'U+0370-03FF' } as const

/**
 * The font's files for the picture renderer. It comes with us rather than from the machine: many servers and
 * containers have no fonts at all, and then a picture would have no text.
 */
export async function pictureFonts(): Promise<Buffer[]> {
  return Promise.all(FACES.map(async (face) => fontOfWoff(await readFile(pathOf(face, 'woff')))))
}

/** The font as style rules with everything in them, for a page that looks the same on a machine without it. */
export async function pageFonts(): Promise<string> {
  const rules = FACES.map(async (face) => {
    const data = await readFile(pathOf(face, 'woff2'), 'base64')
    const source = `url(data:font/woff2;base64,${data}) format('woff2')`
    const range = ALPHABET_RANGE[face.alphabet]
    return `@font-face{font-family:Inter;font-weight:${face.weight};src:${source};unicode-range:${range}}`
  })
  return (await Promise.all(rules)).join('\n')
}

function pathOf({ weight, alphabet }: Face, format: 'woff' | 'woff2'): string {
  const name = `inter-${alphabet}-${weight}-normal.${format}`
  return createRequire(import.meta.url).resolve(`@fontsource/inter/files/${name}`)
}
