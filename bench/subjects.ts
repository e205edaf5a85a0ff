import { batch } from './batch.ts'
import { decision } from './decision.ts'
import { eviction } from './eviction.ts'
import { fleet } from './fleet.ts'
import { forward } from './forward.ts'
import { http } from './http.ts'
import { memory } from './memory.ts'
import { redisRoute } from './redis-route.ts'
import type { Subject } from './row.ts'
import { stall } from './stall.ts'
import { workers } from './workers.ts'

/** All there is to measure, in the order of the report. */
export const SUBJECTS: readonly Subject[] = [
  decision,
  memory,
  eviction,
  stall,
  http,
  redisRoute,
  forward,
  batch,
  fleet,
  workers,
]
