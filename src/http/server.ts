import type { HeaderFamily } from '../rules/definition.ts'
import { adjust } from './adjust.ts'
import { check } from './check.ts'
import { buildDoor, type Door, type DoorDependencies } from './door.ts'
import { gate } from './gate.ts'
import { MeasuredChecks } from './measured-checks.ts'
import { RateLimitHeaders } from './rate-limit-headers.ts'

export interface ServerOptions {
  readonly headers: HeaderFamily
}

/** The data door: checks and health. It does not listen yet; see `listen`. */
export function buildServer(dependencies: DoorDependencies, options: ServerOptions): Door {
  const { node, metrics } = dependencies
  const checks = new MeasuredChecks(node, metrics)
  const headers = new RateLimitHeaders(node.rules, options.headers)
  return buildDoor(dependencies, (app) => {
    app.register(check, { checks, headers })
    app.register(gate, { node, checks, headers })
    app.register(adjust, { node })
  })
}
