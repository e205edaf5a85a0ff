import type { Core } from '../cores.ts'
import type { Target } from '../load.ts'
import type { Stand } from '../stand.ts'
import type { Limit, Route } from '../workload.ts'

/**
 * A limiter that a user would pick. All are asked the same, by the same bytes where they take them, and set so that they
 * answer 2xx when they allow and 429 when they refuse; anything else is a failed answer.
 */
export interface Peer {
  /** As `--only` takes it. */
  readonly name: string
  readonly title: string
  /** What has to be installed. */
  readonly programs: readonly Program[]
  /** Whether instances talk to each other, so that what one costs depends on there being others. */
  readonly isLinked: boolean
  start(stand: Stand, deployment: Deployment): Promise<Deployed>
}

export interface Program {
  readonly name: string
  readonly versionFlag: string
}

export interface Deployment {
  readonly limit: Limit
  /** The core of each instance. */
  readonly places: readonly Core[]
}

export interface Deployed {
  readonly instances: readonly Instance[]
  /** The process that all instances ask, if there is one. */
  readonly storePid?: number
  /** In which ways the first instance is to be asked when it is about speed. */
  ways(): Promise<readonly Way[]>
}

export interface Instance {
  readonly to: Target
  readonly pid: number
}

export interface Way {
  readonly title: string
  readonly to: Target
  readonly route: Route
  readonly keys: readonly string[]
}
