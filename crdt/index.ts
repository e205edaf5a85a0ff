/** `weir/crdt`: the replicated data types, free of any network, clock or other dependency. */
export { fold, type Meter } from './fold.ts'
export {
  type Ahead,
  compareTimestamps,
  HYBRID_EPOCH,
  HybridLogicalClock,
  type HybridTimestamp,
  LOGICAL_MAX,
  type Received,
  type Reception,
} from './hybrid-logical-clock.ts'
export type { Lattice } from './lattice.ts'
export {
  compareStamps,
  type DeleteWrite,
  type LwwMap,
  LwwMapLattice,
  lwwEntries,
  lwwGet,
  type SetWrite,
  type Stamp,
  type Write,
} from './lww-map.ts'
export {
  type Actor,
  compareNodeIds,
  INCARNATION_RANDOM_BITS,
  incarnationAt,
  type NodeId,
  startOfIncarnation,
} from './node-id.ts'
export { COUNT_MAX, oldestLive, SlicedCounters, type Slicing, sliceAt } from './sliced-counter.ts'
