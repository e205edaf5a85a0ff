import type { HeaderFamily } from '../rules/definition.ts'
import { adjust } from './adjust.ts'
import type { Certificate } from './certificate.ts'
import { check } from './check.ts'
import { buildDoor, type Door, type DoorDependencies } from './door.ts'
import { forwardAuth } from './forward-auth.ts'
import { gate } from './gate.ts'
import { MeasuredChecks } from './measured-checks.ts'
import { RateLimitHeaders } from './rate-limit-headers.ts'
import { LOOPBACK, type TrustedProxies, trustOf } from './trusted-proxies.ts'

export interface ServerOptions {
  /** Default `draft-11`. */
  readonly headers?: HeaderFamily | undefined
  /** Default: those on this machine. */
  readonly trustedProxies?: TrustedProxies | undefined
  readonly certificate?: Certificate | undefined
  /** Whether other processes answer at the same addresses. */
  readonly sharesDoors?: boolean | undefined
}

/** The data door: checks and health. It does not listen yet; see `listen`. */
export function buildServer(dependencies: DoorDependencies, options: ServerOptions): Door {
  const { node, metrics } = dependencies
  const { trustedProxies = LOOPBACK, certificate, sharesDoors } = options
  const checks = new MeasuredChecks(node, metrics)
  const headers = new RateLimitHeaders(node, options.headers ?? 'draft-11')
  const door = buildDoor(
    dependencies,
    (app) => {
      app.register(check, { node, checks, headers })
      app.register(gate, { checks, headers })
      app.register(forwardAuth, { checks, headers })
      app.register(adjust, { checks })
    },
    { trusts: trustOf(trustedProxies), certificate, isShared: sharesDoors },
  )
  dependencies.shedding.attach(door.server)
  return door
}
