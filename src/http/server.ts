import type { HeaderFamily } from '../rules/definition.ts'
import { adjust } from './adjust.ts'
import { check } from './check.ts'
import { buildDoor, type Door, type DoorDependencies } from './door.ts'
import { forwardAuth } from './forward-auth.ts'
import { gate } from './gate.ts'
import { MeasuredChecks } from './measured-checks.ts'
import { RateLimitHeaders } from './rate-limit-headers.ts'
import { LOOPBACK, type TrustedProxies, trustOf } from './trusted-proxies.ts'

export interface ServerOptions {
  readonly headers: HeaderFamily
  /** Default: those on this machine. */
  readonly trustedProxies?: TrustedProxies | undefined
}

/** The data door: checks and health. It does not listen yet; see `listen`. */
export function buildServer(dependencies: DoorDependencies, options: ServerOptions): Door {
  const { node, metrics } = dependencies
  const { trustedProxies = LOOPBACK } = options
  const checks = new MeasuredChecks(node, metrics)
  const headers = new RateLimitHeaders(node, options.headers)
  return buildDoor(
    dependencies,
    (app) => {
      app.register(check, { node, checks, headers })
      app.register(gate, { checks, headers })
      app.register(forwardAuth, { checks, headers })
      app.register(adjust, { checks })
    },
    trustOf(trustedProxies),
  )
}
