/** Where progress is shown: one line that is written over, or where nobody watches a line now and then. */
export interface Screen {
  show(line: string): void
  clear(): void
}

const LOG_EVERY_MS = 60_000

/** Standard error: results on standard output stay whole. */
export function processScreen(): Screen {
  const { stderr } = process
  if (!stderr.isTTY) return logging((line) => stderr.write(line))
  return {
    show: (line) => stderr.write(`\r\u001b[2K${line.slice(0, Math.max(0, stderr.columns - 1))}`),
    clear: () => stderr.write('\r\u001b[2K'),
  }
}

/** For a log: runs that are soon over say nothing but their results. */
export function logging(write: (line: string) => void): Screen {
  let loggedMs = performance.now()
  return {
    show: (line) => {
      const nowMs = performance.now()
      if (nowMs - loggedMs < LOG_EVERY_MS) return
      loggedMs = nowMs
      write(`${line}\n`)
    },
    clear: () => undefined,
  }
}

export const SILENT: Screen = { show: () => undefined, clear: () => undefined }
