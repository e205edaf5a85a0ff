/** Something was done to a node on purpose. Times are those of logs: milliseconds since 1970. */
export interface Incident {
  readonly type: 'killed' | 'left' | 'stopped' | 'cut off'
  readonly name: string
  readonly atMs: number
  /** When it was undone: the node runs again, goes on, or is reached. */
  undoneMs: number
  /** When the cluster was whole again. */
  untilMs: number
}

/** What was done to which node and until when it shows: who is held dead meanwhile is held so with reason. */
export class Incidents {
  readonly #all: Incident[] = []

  begin({ type, name }: Pick<Incident, 'type' | 'name'>): void {
    const open = Number.POSITIVE_INFINITY
    this.#all.push({ type, name, atMs: Date.now(), undoneMs: open, untilMs: open })
  }

  undone(name: string): void {
    const nowMs = Date.now()
    for (const incident of this.#all)
      if (incident.name === name) incident.undoneMs = Math.min(incident.undoneMs, nowMs)
  }

  /** Nobody notices any more what has happened. */
  over(): void {
    const nowMs = Date.now()
    for (const incident of this.#all) {
      incident.undoneMs = Math.min(incident.undoneMs, nowMs)
      incident.untilMs = Math.min(incident.untilMs, nowMs)
    }
  }

  /** What a node suffers at a time. */
  of(name: string, atMs: number): Incident | undefined {
    return this.#all.find((one) => one.name === name && atMs >= one.atMs && atMs <= one.untilMs)
  }

  /** Whether anybody is cut off from anybody. */
  isCut(atMs: number): boolean {
    return this.#all.some((one) => {
      return one.type === 'cut off' && atMs >= one.atMs && atMs <= one.untilMs
    })
  }

  since(fromMs: number): readonly Incident[] {
    return this.#all.filter(({ atMs }) => atMs >= fromMs)
  }
}
