import type { FastifyInstance } from 'fastify'
import { buildAdminServer } from './admin-server.ts'
import type { Certificate } from './certificate.ts'
import type { Credentials } from './credentials.ts'
import type { DoorDependencies } from './door.ts'
import { close } from './draining.ts'
import { isLocal, listen, parseListenAddress } from './listen.ts'
import { buildServer, type ServerOptions } from './server.ts'

/** The node's HTTP doors: one Fastify instance for each address, all alike. */
export class Doors {
  readonly app: FastifyInstance
  readonly admin: FastifyInstance
  readonly #dependencies: DoorDependencies
  readonly #options: ServerOptions
  readonly #credentials: Credentials
  readonly #open: FastifyInstance[] = []

  constructor(dependencies: DoorDependencies, options: ServerOptions, credentials: Credentials) {
    this.#dependencies = dependencies
    this.#options = options
    this.#credentials = credentials
    this.app = buildServer(dependencies, options)
    this.admin = this.#adminDoor(undefined)
  }

  get areOpen(): boolean {
    return this.#open.length > 0
  }

  async listen(address: string): Promise<string> {
    const certificate = this.#certificateAt(address)
    const isFirst = certificate === undefined && !this.#open.includes(this.app)
    const app = isFirst
      ? this.app
      : buildServer(this.#dependencies, { ...this.#options, certificate })
    return this.#listen(app, address, this.#options.sharesDoors)
  }

  async listenAdmin(address: string): Promise<string> {
    if (this.#credentials.tokens === undefined && !isLocal(parseListenAddress(address))) {
      throw new Error(
        `admin address "${address}": other machines can reach it, and without a token anybody could read and reset keys; give a token file, or listen on 127.0.0.1 or a Unix socket`,
      )
    }
    const certificate = this.#certificateAt(address)
    return this.#listen(
      certificate === undefined ? this.admin : this.#adminDoor(certificate),
      address,
    )
  }

  #listen(app: FastifyInstance, address: string, isShared = false): Promise<string> {
    // Taken before it is waited for: two doors may be opened at the same time.
    this.#open.push(app)
    this.#credentials.attach(app.server)
    return listen(app, address, isShared)
  }

  #adminDoor(certificate: Certificate | undefined): FastifyInstance {
    const { tokens } = this.#credentials
    const current = tokens && (() => this.#credentials.tokens ?? tokens)
    return buildAdminServer(this.#dependencies, { tokens: current, certificate })
  }

  /** The files of a Unix socket tell who may connect. */
  #certificateAt(address: string): Certificate | undefined {
    const isTcp = parseListenAddress(address).type === 'tcp'
    return isTcp ? this.#credentials.certificate : undefined
  }

  renewCredentials(): Promise<void> {
    return this.#credentials.renew()
  }

  async close(): Promise<void> {
    const doors = new Set([this.app, this.admin, ...this.#open])
    await Promise.all([...doors].map((door) => close(door)))
    this.#credentials.close()
  }
}
