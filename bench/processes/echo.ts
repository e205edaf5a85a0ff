import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ephemeralIdentity } from '../../cluster/libp2p/identity.ts'
import { createLibp2pTransport, type Libp2pTransport } from '../../cluster/libp2p/transport.ts'
import type { TransportListener } from '../../cluster/transport.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { Microseconds } from '../microseconds.ts'
import { work } from '../worker.ts'

// What the network costs by itself: a frame there and back, one at a time, over a bare TCP socket or over the link of
// two nodes.

export type Line = 'tcp' | 'link'

export type EchoJob =
  | { readonly role: 'server'; readonly over: Line }
  | { readonly role: 'connect'; readonly over: Line; readonly to: string }
  | {
      readonly role: 'client'
      readonly over: Line
      readonly durationMs: number
      readonly frame: readonly number[]
      /** Between two frames; 0: the next one follows at once. */
      readonly pauseMs: number
    }

export interface EchoResult {
  /** Of the server: where to connect. */
  readonly at: string
  /** Of the client. */
  readonly p50Us: number
}

interface Connected {
  send: (frame: Uint8Array) => void
  /** Told how many bytes have come. */
  received: (bytes: number) => void
}

const LINES = {
  tcp: { serve: serveTcp, connect: connectTcp },
  link: { serve: serveLink, connect: connectLink },
}

const connected = new Map<Line, Connected>()

work(async (job: EchoJob): Promise<EchoResult> => {
  switch (job.role) {
    case 'server':
      return { at: await LINES[job.over].serve(), p50Us: 0 }
    case 'connect':
      connected.set(job.over, await LINES[job.over].connect(job.to))
      return { at: job.to, p50Us: 0 }
    case 'client': {
      const line = connected.get(job.over)
      if (line === undefined) throw new Error('connect first')
      return { at: '', p50Us: await ask(line, job) }
    }
  }
})

async function serveTcp(): Promise<string> {
  const server = createServer({ noDelay: true }, (peer) =>
    peer.on('data', (data) => peer.write(data)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return String((server.address() as AddressInfo).port)
}

async function connectTcp(port: string): Promise<Connected> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const line: Connected = { send: (frame) => socket.write(frame), received: () => undefined }
  socket.on('data', (data) => line.received(data.length))
  return line
}

async function serveLink(): Promise<string> {
  const transport = await node([])
  attach(transport, { received: (from, frame) => transport.send(from, frame) })
  return transport.addresses[0] as string
}

async function connectLink(to: string): Promise<Connected> {
  const transport = await node([to])
  const line: Connected = { send: () => undefined, received: () => undefined }
  const peer = await new Promise<NodeId>((linked) => {
    attach(transport, { linked, received: (_, frame) => line.received(frame.length) })
  })
  line.send = (frame) => void transport.send(peer, frame)
  return line
}

async function node(seeds: readonly string[]): Promise<Libp2pTransport> {
  return createLibp2pTransport({
    privateKey: await ephemeralIdentity(),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    topic: 'bench',
    fanout: 3,
    gossipIntervalMs: 500,
    seeds,
  })
}

function attach(transport: Libp2pTransport, listener: Partial<TransportListener>): void {
  const nothing = () => undefined
  transport.attach({
    received: nothing,
    linked: nothing,
    unlinked: nothing,
    refused: nothing,
    ...listener,
  })
}

async function ask(
  line: Connected,
  { frame, durationMs, pauseMs }: Extract<EchoJob, { role: 'client' }>,
): Promise<number> {
  const latency = new Microseconds()
  const bytes = Uint8Array.from(frame)
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    const sentMs = performance.now()
    await echo(line, bytes)
    latency.add(performance.now() - sentMs)
    if (pauseMs > 0) await delay(pauseMs)
  }
  return latency.percentile(0.5)
}

function echo(line: Connected, frame: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    let left = frame.length
    line.received = (bytes) => {
      left -= bytes
      if (left <= 0) resolve()
    }
    line.send(frame)
  })
}
