import type { FastifySchema } from 'fastify'

/** What a route is for, in a phrase; for the description of the doors in docs/reference/openapi.json. */
export function summary(text: string): FastifySchema & { readonly summary: string } {
  return { summary: text }
}
