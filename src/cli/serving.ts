import type { Logger } from 'pino'

/** The line printed when the node listens; ports are the ones in use. */
export interface ServeAnnouncement {
  readonly name: string
  /** `http://host:port` or `unix:/path`. */
  readonly http: readonly string[]
  readonly admin: string
  /** Multiaddrs. */
  readonly peer: readonly string[]
  readonly pid: number
}

/** The same of several workers; `pid` is that of their parent. */
export interface WorkersAnnouncement extends Pick<ServeAnnouncement, 'name' | 'http' | 'pid'> {
  readonly workers: readonly ServeAnnouncement[]
}

/** A supervisor that waits 20 s before it kills sees a node end by itself. */
export const CLOSE_MS_MAX = 19_000

/** What serving needs to know of whoever serves. */
export interface Run {
  readonly log: Logger
  /** Resolves with the reason when it is time to stop. */
  readonly stop: Promise<string>
  /** Told where to ask, once everything listens. */
  readonly announce: (announcement: ServeAnnouncement | WorkersAnnouncement) => void
}
