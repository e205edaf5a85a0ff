import { execFileSync } from 'node:child_process'

/** Why network namespaces cannot be used; undefined if they can. */
export function cablesMissing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  try {
    ip('-V')
    return undefined
  } catch {
    return 'there is no command "ip" (Debian: apt install iproute2)'
  }
}

/**
 * A network namespace for each node, and one with the switch between them: a node's cable goes from its namespace to
 * the switch. All of it is apart from this machine's own network, and goes away with the namespaces.
 */
export class Cables {
  readonly #prefix = `weir-${process.pid}-${Math.random().toString(36).slice(2, 6)}`
  readonly #names: readonly string[]
  readonly #made: string[] = []

  constructor(names: readonly string[]) {
    this.#names = names
    // Whatever ends this process in an orderly way, the namespaces do not outlive it.
    process.once('exit', this.remove)
    try {
      this.#build()
    } catch (error) {
      this.remove()
      throw error
    }
  }

  addressOf(name: string): string {
    return `10.77.0.${this.#names.indexOf(name) + 1}`
  }

  under(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#space(name)]
  }

  /** Nothing gets in or out any more, and nobody is told. The end at the switch goes down, as if pulled there. */
  pull(name: string): void {
    ip('-n', this.#space('switch'), 'link', 'set', `to-${name}`, 'down')
  }

  plug(name: string): void {
    ip('-n', this.#space('switch'), 'link', 'set', `to-${name}`, 'up')
  }

  readonly remove = (): void => {
    process.off('exit', this.remove)
    for (const space of this.#made.splice(0)) {
      try {
        ip('netns', 'del', space)
      } catch (error) {
        console.error(`the namespace ${space} is left behind: ${error}`)
      }
    }
  }

  #build(): void {
    const hub = this.#add('switch')
    ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge')
    ip('-n', hub, 'link', 'set', 'bridge', 'up')
    for (const name of this.#names) {
      const space = this.#add(name)
      const far = ['peer', 'name', `to-${name}`, 'netns', hub]
      ip('link', 'add', 'cable', 'netns', space, 'type', 'veth', ...far)
      ip('-n', hub, 'link', 'set', `to-${name}`, 'master', 'bridge')
      ip('-n', hub, 'link', 'set', `to-${name}`, 'up')
      ip('-n', space, 'addr', 'add', `${this.addressOf(name)}/24`, 'dev', 'cable')
      ip('-n', space, 'link', 'set', 'cable', 'up')
      ip('-n', space, 'link', 'set', 'lo', 'up')
    }
  }

  #add(name: string): string {
    const space = this.#space(name)
    ip('netns', 'add', space)
    this.#made.push(space)
    return space
  }

  #space(name: string): string {
    return `${this.#prefix}-${name}`
  }
}

/** @throws Error with what it complains of. */
function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}
