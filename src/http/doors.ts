import type { FastifyInstance } from 'fastify'
import { buildAdminServer } from './admin-server.ts'
import type { DoorDependencies } from './door.ts'
import { close } from './draining.ts'
import { listen } from './listen.ts'
import { buildServer, type ServerOptions } from './server.ts'

/** The node's HTTP doors: one Fastify instance for each address, all alike. */
export class Doors {
  readonly app: FastifyInstance
  readonly admin: FastifyInstance
  readonly #dependencies: DoorDependencies
  readonly #options: ServerOptions
  readonly #open: FastifyInstance[] = []

  constructor(dependencies: DoorDependencies, options: ServerOptions) {
    this.#dependencies = dependencies
    this.#options = options
    this.app = buildServer(dependencies, options)
    this.admin = buildAdminServer(dependencies)
  }

  get areOpen(): boolean {
    return this.#open.length > 0
  }

  async listen(address: string): Promise<string> {
    const isFirst = !this.#open.includes(this.app)
    const app = isFirst ? this.app : buildServer(this.#dependencies, this.#options)
    // Taken before it is waited for: two doors may be opened at the same time.
    this.#open.push(app)
    return listen(app, address)
  }

  async listenAdmin(address: string): Promise<string> {
    this.#open.push(this.admin)
    return listen(this.admin, address)
  }

  async close(): Promise<void> {
    const doors = new Set([this.app, this.admin, ...this.#open])
    await Promise.all([...doors].map((door) => close(door)))
  }
}
