import type { Logger } from 'pino'
import type { ClusterEvent } from '../cluster/event.ts'
import type { Metrics } from './metrics/metrics.ts'

/** Renders one cluster event as metrics and, where an operator would want to read of it, a log line. */
export function renderEvent(event: ClusterEvent, metrics: Metrics, log: Logger): void {
  switch (event.type) {
    case 'member':
      log.info({ event: 'member', id: event.id, name: event.name, state: event.state })
      break
    case 'joined_alone':
      log.warn({ event: 'joined_alone' }, 'no seed could be linked: this node goes on alone')
      break
    case 'hand_over_missed':
      log.warn(
        { event: 'hand_over_missed', members: event.members },
        'decides without what others have admitted: limits may be exceeded once by a burst',
      )
      break
    case 'forgotten':
      log.info({ event: 'member_forgotten', id: event.id })
      break
    case 'ring':
      metrics.ringChanged()
      log.info({ event: 'ring_changed', view: event.view, members: event.members })
      break
    case 'link':
      log.info({ event: event.up ? 'link_up' : 'link_down', peer: event.peer })
      break
    case 'refuted':
      log.warn({ event: 'rumour_refuted', refutation: event.refutation })
      break
    case 'usurped':
      log.error({ event: 'identity_conflict', incarnation: event.incarnation })
      break
    case 'merged':
      metrics.turnedAway.counts(event.result)
      if (event.result.violations > 0 || event.result.future > 0) {
        log.warn({ event: 'counts_refused', peer: event.from, ...event.result })
      }
      break
    case 'forwarded':
      metrics.forward(event.result, event.tookMs / 1_000)
      break
    case 'stale':
      log.debug({ event: 'forward_stale', peer: event.peer, checks: event.checks })
      break
    case 'breaker':
      log.info({ event: event.open ? 'breaker_open' : 'breaker_closed', peer: event.peer })
      break
    case 'stand_in':
      metrics.fallback(event.reason)
      break
    case 'repaired':
      log.debug({ event: 'counts_repaired', peer: event.peer, counts: event.counts })
      break
    default:
      event satisfies never
  }
}
