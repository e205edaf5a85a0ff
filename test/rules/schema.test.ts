import { readFile } from 'node:fs/promises'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CALENDAR_UNITS } from '../../src/rules/calendar.ts'
import { HEADER_FAMILIES, MODES } from '../../src/rules/definition.ts'
import { DEMO_RULES } from '../../src/rules/demo.ts'
import { ALGORITHMS } from '../../src/rules/limit-schema.ts'
import { parseRules } from '../../src/rules/load.ts'
import { editorSchema, RulesFile } from '../../src/rules/schema.ts'

const reference = new URL('../../docs/reference/rules.schema.json', import.meta.url)

describe('the schema for editors', () => {
  it('is the one the loader uses: `weir rules schema` writes the file anew', async () => {
    const written: unknown = JSON.parse(await readFile(reference, 'utf8'))
    expect(written).toEqual(JSON.parse(JSON.stringify(editorSchema())))
  })

  it('accepts the rules of the demonstration', () => {
    expect(new Ajv({ allowUnionTypes: true }).validate(editorSchema(), parse(DEMO_RULES))).toBe(
      true,
    )
  })
})

describe('the reference of rules', () => {
  const page = readFile(new URL('../../docs/reference/rules.md', import.meta.url), 'utf8')

  it('shows a file that is valid', async () => {
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(await page) ?? []
    expect(parseRules(example, 'rules.md').definitions).toHaveLength(3)
  })

  it('names every property and every word', async () => {
    const text = await page
    const { properties } = RulesFile
    const names = [
      ...Object.keys(properties),
      ...Object.keys(properties.rules.items.properties).filter((name) => name !== 'limits'),
      ...ALGORITHMS,
      ...MODES,
      ...HEADER_FAMILIES,
      ...CALENDAR_UNITS,
    ]
    const isNamed = (name: string) => text.includes(`\`${name}\``) || text.includes(`.${name}\``)
    expect(names.filter((name) => !isNamed(name))).toEqual([])
  })
})
