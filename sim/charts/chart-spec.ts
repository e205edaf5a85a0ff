/** Anything JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [key: string]: Json
}

/** A Vega-Lite specification, version 6, as plain data: it can be stored, compared and drawn anywhere. */
export type ChartSpec = JsonObject

/** One layer of a layered specification. */
export type Layer = JsonObject
