import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { CommandError } from '../../src/cli/exit-code.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { Report } from '../charts/report.ts'
import { unwritable } from '../report/unwritable.ts'

/** Makes the folder, so that nobody waits for a run whose report cannot be written. @throws CommandError */
export async function assertWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new CommandError(unwritable(folder, cause), { exit: 'configuration', cause })
  }
}

/** Writes a report with its pictures, and says where its page is. */
export async function writePictures(
  report: Report,
  folder: string,
  terminal: Pick<Terminal, 'complain'>,
): Promise<void> {
  const { writeReport } = await import('../report/write-report.ts')
  const [page = ''] = await writeReport(report, folder)
  terminal.complain(`report: ${page}`)
}
