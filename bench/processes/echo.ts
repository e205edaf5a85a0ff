import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Microseconds } from '../microseconds.ts'
import { work } from '../worker.ts'

// What the network costs by itself: bytes there and back over one TCP socket, one message at a time.

export type EchoJob =
  | { readonly role: 'server' }
  | { readonly role: 'connect'; readonly port: number }
  | { readonly role: 'client'; readonly durationMs: number; readonly frame: readonly number[] }

export interface EchoResult {
  /** Of the server. */
  readonly port: number
  /** Of the client. */
  readonly p50Us: number
}

let socket: Socket | undefined

work(async (job: EchoJob): Promise<EchoResult> => {
  switch (job.role) {
    case 'server':
      return { port: await serve(), p50Us: 0 }
    case 'connect':
      socket = connect({ port: job.port, host: '127.0.0.1', noDelay: true })
      await once(socket, 'connect')
      return { port: job.port, p50Us: 0 }
    case 'client':
      if (socket === undefined) throw new Error('connect first')
      return { port: 0, p50Us: await ask(socket, Buffer.from(job.frame), job.durationMs) }
  }
})

async function serve(): Promise<number> {
  const server = createServer({ noDelay: true }, (peer) =>
    peer.on('data', (data) => peer.write(data)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function ask(peer: Socket, frame: Buffer, durationMs: number): Promise<number> {
  const latency = new Microseconds()
  const endMs = performance.now() + durationMs
  return new Promise((resolve) => {
    let left = frame.length
    let sentMs = performance.now()
    const received = (data: Buffer) => {
      left -= data.length
      if (left > 0) return
      const nowMs = performance.now()
      latency.add(nowMs - sentMs)
      if (nowMs >= endMs) {
        peer.off('data', received)
        resolve(latency.percentile(0.5))
        return
      }
      left = frame.length
      sentMs = performance.now()
      peer.write(frame)
    }
    peer.on('data', received)
    peer.write(frame)
  })
}
