import { readFile } from 'node:fs/promises'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { DEMO_RULES } from '../../src/rules/demo.ts'
import { editorSchema } from '../../src/rules/schema.ts'

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
