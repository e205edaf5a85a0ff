import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ScriptedReply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** What a question is answered: a reply, silence for ever, or a broken connection. */
export type Script = (body: unknown, asked: number) => ScriptedReply | 'silence' | 'reset'

/** An HTTP server on a free port that answers by a script, in the place of a node in trouble. */
export class ScriptedServer {
  /** The bodies of all questions, in their order. */
  readonly asked: unknown[] = []
  script: Script
  readonly #server: Server

  private constructor(script: Script) {
    this.script = script
    this.#server = createServer((request, response) => {
      void this.#answer(request, response)
    })
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const server = new ScriptedServer(script)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString() || 'null')
    const reply = this.script(body, this.asked.push(body))
    if (reply === 'silence') return
    if (reply === 'reset') {
      response.destroy()
      return
    }
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
  }
}
