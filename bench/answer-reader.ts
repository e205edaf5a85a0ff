const HEAD_END = '\r\n\r\n'
/** Where a status line has its three digits: after `HTTP/1.1 `. */
const STATUS_AT = 9
const LENGTH = /\r\ncontent-length: *([0-9]+)/i

/**
 * Finds where HTTP answers end on a keep-alive connection without pipelining, and nothing more: a load
 * generator must cost less than what it loads. Answers need a Content-Length, or a status without a body.
 */
export class AnswerReader {
  /** Of the last complete answer. */
  status = 0
  bytes = 0
  #head: Buffer | undefined
  /** Bytes of the body still to come; undefined before the head is complete. */
  #left: number | undefined
  #seen = 0

  /** Takes what has come; whether an answer is now complete. */
  read(chunk: Buffer): boolean {
    this.#seen += chunk.length
    if (this.#left === undefined) {
      const read = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk])
      const end = read.indexOf(HEAD_END)
      if (end < 0) {
        this.#head = read
        return false
      }
      this.#head = undefined
      this.#left =
        this.#bodyBytes(read.toString('latin1', 0, end)) - (read.length - end - HEAD_END.length)
    } else this.#left -= chunk.length
    if (this.#left > 0) return false
    if (this.#left < 0) throw new Error('more bytes came than the answer has')
    this.bytes = this.#seen
    this.#left = undefined
    this.#seen = 0
    return true
  }

  #bodyBytes(head: string): number {
    this.status = Number(head.slice(STATUS_AT, STATUS_AT + 3))
    if (this.status === 204 || this.status === 304) return 0
    const length = LENGTH.exec(head)?.[1]
    if (length === undefined) throw new Error(`an answer without a Content-Length:\n${head}`)
    return Number(length)
  }
}
