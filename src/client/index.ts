export type {
  BatchAnswer,
  ClientAnswer,
  Decided,
  FallbackAnswer,
  NodeAnswer,
  RejectedCheck,
} from './answer.ts'
export {
  type CallOptions,
  type Check,
  type Client,
  type ClientOptions,
  createClient,
} from './client.ts'
export type { ClientTls } from './exchange.ts'
export type { FailureCode } from './failure.ts'
export { WeirRequestError } from './request-error.ts'
