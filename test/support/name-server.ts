import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Answer, decode, encode } from 'dns-packet'

const NO_SUCH_NAME = 3

/** A small name server on loopback. It knows what it was told last, and forgets nothing by itself. */
export class NameServer {
  readonly #socket: Socket
  readonly #records = new Map<string, readonly Answer[]>()
  readonly #asked: string[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (question, { port, address }) => {
      socket.send(this.#answer(question), port, address)
    })
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new NameServer(socket)
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  /** From now on the name stands for these IPv4 addresses. */
  host(name: string, ...addresses: readonly string[]): void {
    const records = addresses.map((data) => ({ type: 'A', name, ttl: 0, data }) as const)
    this.#records.set(name, records)
  }

  /** From now on the service is at these hosts and ports. */
  service(name: string, ...at: readonly { readonly host: string; readonly port: number }[]): void {
    const records = at.map(({ host, port }) => {
      return { type: 'SRV', name, ttl: 0, data: { target: host, port } } as const
    })
    this.#records.set(name, records)
  }

  /** How often somebody asked for a name's records of this type. */
  asked(type: 'A' | 'SRV', name: string): number {
    return this.#asked.filter((question) => question === `${type} ${name}`).length
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve))
  }

  #answer(bytes: Buffer): Buffer {
    const { id, questions = [] } = decode(bytes)
    const [{ type, name } = { type: 'A' as const, name: '' }] = questions
    this.#asked.push(`${type} ${name}`)
    const records = this.#records.get(name)
    const answers = (records ?? []).filter((record) => record.type === type)
    const flags = records === undefined ? NO_SUCH_NAME : 0
    return encode({ type: 'response', id: id ?? 0, flags, questions, answers })
  }
}
