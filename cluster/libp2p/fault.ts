import type { NodeId } from '../../crdt/node-id.ts'

/**
 * What went wrong at the edge of the cluster. None of these is fatal: each is one more to count, under its
 * `type`, and worth a debug line. `reason` is an error's code or name, such as `ECONNREFUSED`.
 */
export type Libp2pFault =
  /** An attempt to connect failed. `peer` is absent for a seed whose id is not known. */
  | {
      readonly type: 'dial-failed'
      readonly address: string
      readonly peer?: NodeId
      readonly reason: string
      readonly error: Error
    }
  /** Peers on the local network cannot be asked for, or asked. */
  | { readonly type: 'multicast-failed'; readonly reason: string; readonly error: Error }
  /** A configured seed turned out to be this very node, and is dialled no more. */
  | { readonly type: 'self-dialled'; readonly address: string }
  /** A peer's address cannot be understood, and was left out. */
  | {
      readonly type: 'bad-address'
      readonly address: string
      readonly peer: NodeId
      readonly error: Error
    }
  /** A peer that is not on the allow list knocked, was to be dialled, or spoke through others. */
  | { readonly type: 'not-allowed'; readonly peer: NodeId }
  /** A peer that is out, for what it sent made no sense, knocked or was to be dialled. */
  | { readonly type: 'distrusted'; readonly peer: NodeId }
  /** The stream to a peer could not be opened, or broke other than by its connection closing. */
  | {
      readonly type: 'link-failed'
      readonly peer: NodeId
      readonly reason: string
      readonly error: Error
    }
  /** A peer announced a frame above the limit. Nothing of it was read; the peer was dropped. */
  | { readonly type: 'oversize-frame'; readonly peer: NodeId; readonly bytes: number }
  /** A peer opened a stream that was not its to open, or a second one beside a living one. */
  | { readonly type: 'unexpected-stream'; readonly peer: NodeId }
  /** A peer read so slowly that the frames queued for it hit the limit; the link was broken off. */
  | { readonly type: 'backlog-exceeded'; readonly peer: NodeId; readonly bytes: number }
  /** This node's own broadcast could not be signed or sent. */
  | { readonly type: 'publish-failed'; readonly reason: string; readonly error: Error }
  /** The attempt loop itself failed: a bug of the adapter. */
  | { readonly type: 'internal'; readonly reason: string; readonly error: Error }

export type OnFault = (fault: Libp2pFault) => void

export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}

/** A short word to count an error by: the system's code where there is one, else the error's name. */
export function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
