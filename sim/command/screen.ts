/** Where progress is shown: one line that is written over, or nothing where nobody watches. */
export interface Screen {
  show(line: string): void
  clear(): void
}

/** Standard error, if it is a terminal: results on standard output stay whole. */
export function processScreen(): Screen {
  const { stderr } = process
  if (!stderr.isTTY) return SILENT
  return {
    show: (line) => stderr.write(`\r\u001b[2K${line.slice(0, Math.max(0, stderr.columns - 1))}`),
    clear: () => stderr.write('\r\u001b[2K'),
  }
}

export const SILENT: Screen = { show: () => undefined, clear: () => undefined }
