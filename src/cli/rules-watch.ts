import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Logger } from 'pino'
import { type Reloaded, RulesError } from '../index.ts'

/** Files are written in several steps, and links swapped: so long nothing may move before they are read. */
const SETTLE_MS = 200

/** What reads its rules again. */
interface Reloadable {
  reload(): Promise<Reloaded>
}

/**
 * Reads the rules again when their file may have changed, and on SIGHUP, for as long as the process lives. What
 * has come of it is logged; rules that cannot be used change nothing.
 *
 * The folder is watched and not the file: editors put a new file in its place, and a ConfigMap is a link to a
 * folder that is swapped beside it.
 */
export function reloadWhenChanged(node: Reloadable, file: string, log: Logger): void {
  const reload = () => void reloadAndTell(node, file, log)
  process.on('SIGHUP', reload)
  let settling: NodeJS.Timeout | undefined
  const changed = (_event: string, name: string | null) => {
    if (!mayConcern(name, file)) return
    clearTimeout(settling)
    settling = setTimeout(reload, SETTLE_MS)
    settling.unref()
  }
  try {
    const watcher = watch(dirname(file), { persistent: false }, changed)
    watcher.on('error', (error) => warnUnwatched(log, file, error))
  } catch (error) {
    warnUnwatched(log, file, error)
  }
}

/** Names that begin with `..` are those of a ConfigMap's links. */
function mayConcern(name: string | null, file: string): boolean {
  return name === null || name === basename(file) || name.startsWith('..')
}

async function reloadAndTell(node: Reloadable, file: string, log: Logger): Promise<void> {
  try {
    const { version, differences } = await node.reload()
    const isChanged = differences.length > 0
    if (isChanged) log.info({ event: 'rules_changed', version, differences }, 'other rules')
    else log.info({ event: 'rules_unchanged', version }, 'the rules say what they said before')
  } catch (error) {
    if (!(error instanceof RulesError)) throw error
    const detail = error.message.split('\n')
    log.error({ event: 'rules_refused', file, problems: detail }, 'the former rules stay')
  }
}

function warnUnwatched(log: Logger, file: string, error: unknown): void {
  const mend = 'the rules file is not watched: send SIGHUP after a change'
  log.warn({ event: 'rules_unwatched', file, err: error }, mend)
}
