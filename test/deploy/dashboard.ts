import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

// The part of a Grafana dashboard that is checked here; Grafana defines many more properties.

const Source = Type.Object({ type: Type.Literal('prometheus'), uid: Type.String() })

const Target = Type.Object({
  refId: Type.String(),
  datasource: Source,
  expr: Type.String({ minLength: 1 }),
  legendFormat: Type.String({ minLength: 1 }),
})

const Place = Type.Object({
  x: Type.Integer(),
  y: Type.Integer(),
  w: Type.Integer(),
  h: Type.Integer(),
})

const common = { id: Type.Integer(), title: Type.String({ minLength: 3 }), gridPos: Place }

const Row = Type.Object({ ...common, type: Type.Literal('row') })

const Panel = Type.Object({
  ...common,
  type: Type.Union([Type.Literal('timeseries'), Type.Literal('stat')]),
  description: Type.String({ minLength: 10 }),
  datasource: Source,
  fieldConfig: Type.Object({ defaults: Type.Object({ unit: Type.String() }) }),
  targets: Type.Array(Target, { minItems: 1 }),
})

const Dashboard = Type.Object({
  uid: Type.String({ minLength: 1 }),
  title: Type.String({ minLength: 1 }),
  panels: Type.Array(Type.Union([Row, Panel]), { minItems: 1 }),
})

export type Dashboard = Static<typeof Dashboard>
export type Panel = Static<typeof Panel>
export type Place = Static<typeof Place>
export type Target = Static<typeof Target>

/** Throws with the places that are not as they must be. */
export function readDashboard(value: unknown): Dashboard {
  const errors = Value.Errors(Dashboard, value)
  if (errors.length === 0) return value as Dashboard
  throw new Error(errors.map((error) => `${error.instancePath} ${error.message}`).join('\n'))
}

export function graphs(dashboard: Dashboard): Panel[] {
  return dashboard.panels.filter((panel) => panel.type !== 'row')
}
