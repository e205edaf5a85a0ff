import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { markedPart, withMarkedPart } from '../../sim/command/marked-part.ts'

const MARK = 'peers'
/** Beside the document. */
const PICTURE = 'peers.svg'

/** Said before anything is measured. @throws Error if the document has no place for the table. */
export function assertPlaceIn(file: string): void {
  markedPart(readFileSync(file, 'utf8'), MARK)
}

export interface Report {
  /** What the figures belong to: a paragraph. */
  readonly about: string
  readonly table: readonly string[]
  readonly svg: string
}

export function writeReport(file: string, { about, table, svg }: Report): void {
  const lines = ['', about, '', ...table, '', `![Speed and accuracy of each](${PICTURE})`, '']
  writeFileSync(file, withMarkedPart(readFileSync(file, 'utf8'), MARK, lines))
  writeFileSync(join(dirname(file), PICTURE), `${svg}\n`)
}
