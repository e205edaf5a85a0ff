import { type Architecture, outcomeOf } from './architecture.ts'
import { type Model, play, type World } from './world.ts'

/**
 * Every server limits what comes to itself and knows of no other: nginx `limit_req`, Envoy's local rate limit,
 * express-rate-limit with its memory store. A client that reaches all N servers gets N times the limit.
 */
export const localWhole: Architecture = {
  name: 'local',
  describe: 'every server has a bucket of its own with the whole limit (nginx, express-rate-limit)',
  inSplit: 'does not notice: N times the limit, as always',
  run: (scenario) => play(scenario, (world) => localBuckets(world, 1)),
}

/**
 * The same with 1/N of the limit for each of N servers, so that the sum is right whatever happens; a server whose
 * clients want more than that refuses them while others have tokens left. N is what was deployed: dividing by the
 * servers seen alive would give each side of a split the whole limit.
 */
export const localSplit: Architecture = {
  name: 'local, split 1/N',
  describe: 'every server has a bucket of its own with 1/N of the limit (static shares)',
  inSplit: 'does not notice: never above the limit, refuses wherever demand is uneven, as always',
  run: (scenario) => play(scenario, (world) => localBuckets(world, 1 / world.options.nodes)),
}

function localBuckets(world: World, share: number): Model {
  const servers = world.nodes.map(() => world.buckets(share))
  return {
    ask(arrival, answer) {
      const { node, key, cost } = arrival
      const allowed = servers[node]?.of(key).take(cost, world.nowMs) === true
      if (allowed) world.admit(arrival)
      answer(outcomeOf(allowed))
    },
    restarted(node) {
      servers[node] = world.buckets(share)
    },
  }
}
