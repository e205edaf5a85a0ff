import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ServeAnnouncement } from '../../src/cli/serving.ts'

const root = dirname(createRequire(import.meta.url).resolve('weir/package.json'))

export const MAIN = join(root, 'dist/src/cli/main.js')

export interface RealNode extends ServeAnnouncement {
  readonly url: string
  readonly process: ChildProcess
  /** Lines of its log. */
  readonly log: readonly string[]
}

/**
 * One `weir serve` process that listens. It ends by itself when we do, whatever ends us: the channel between
 * parent and child is then lost.
 *
 * @throws Error with its log when it ends before it listens.
 */
export async function startNode(
  name: string,
  flags: readonly string[],
  /** The command that runs the command, as in `ip netns exec a`. */
  under: readonly string[] = [],
): Promise<RealNode> {
  const words = [process.execPath, MAIN, 'serve', '--json', '--name', name, ...flags]
  const [command = '', ...rest] = [...under, ...words]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  const log: string[] = []
  if (child.stdout === null || child.stderr === null) throw new Error('there are no pipes')
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  const lines = createInterface({ input: child.stdout })
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => text as string),
    once(child, 'exit').then(() => undefined),
  ])
  if (line === undefined) throw new Error(`${name} ended before it listened:\n${log.join('\n')}`)
  const announcement = JSON.parse(line) as ServeAnnouncement
  return { ...announcement, url: announcement.http[0] as string, process: child, log }
}

export function isAlive({ process: child }: RealNode): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** Polls until something holds. */
export async function within(
  deadlineMs: number,
  holds: () => Promise<boolean>,
  everyMs = 20,
): Promise<void> {
  const end = performance.now() + deadlineMs
  for (;;) {
    if (await holds()) return
    if (performance.now() > end) throw new Error(`did not come true within ${deadlineMs} ms`)
    await new Promise((resume) => setTimeout(resume, everyMs))
  }
}
