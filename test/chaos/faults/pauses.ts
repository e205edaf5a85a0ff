import { unseen } from '../../../sim/scenarios/scenario.ts'
import { asIn, type Fault, next, type Stage, usual } from './fault.ts'

const owner = (stage: Stage) => stage.owner

/** Processes stop and go on as if nothing had been: SIGSTOP, and SIGCONT. */
export const PAUSES: readonly Fault[] = [
  pause('pause-owner-1s', 'the owner of a saturated key', 1_000, owner),
  pause('pause-owner-5s', 'the owner of a saturated key', 5_000, owner),
  pause('pause-owner-10s', 'the owner of a saturated key', 10_000, owner),
  { ...pause('pause-other', 'a node that does not own the key', 5_000, next), ...other() },
]

function pause(name: string, whom: string, forMs: number, victim: (stage: Stage) => string): Fault {
  return {
    ...usual,
    ...asIn('pause-owner'),
    name,
    story: `SIGSTOP of ${whom} for ${forMs / 1_000} s`,
    async strike(stage) {
      const { cluster, after } = stage
      cluster.stop(victim(stage))
      await after(forMs)
      cluster.wake(victim(stage))
      await after(1_000)
      return undefined
    },
  }
}

/** What waited at the node may be decided twice when it goes on; no scenario tells of it. */
function other(): Pick<Fault, 'formula' | 'bound'> {
  return { formula: unseen.formula, bound: unseen.bound }
}
