import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { describeDoors } from '../support/openapi.ts'

const REFERENCE = new URL('../../docs/reference/openapi.json', import.meta.url)

describe('the description of the doors', () => {
  test('is what their schemas say: `npx vitest run test/http/openapi.test.ts -u` writes it anew', async () => {
    const described = `${JSON.stringify(await describeDoors(), undefined, 2)}\n`
    await expect(described).toMatchFileSnapshot('../../docs/reference/openapi.json')
  })

  test('has every path of the page on HTTP', async () => {
    const { paths } = JSON.parse(await readFile(REFERENCE, 'utf8'))
    expect(Object.keys(paths).sort()).toEqual([
      '/api/v1/cluster',
      '/api/v1/cluster/forget',
      '/api/v1/cluster/join',
      '/api/v1/debug/{key}',
      '/api/v1/status',
      '/livez',
      '/metrics',
      '/readyz',
      '/v1/check',
      '/v1/ext-authz',
      '/v1/ext-authz/{path}',
      '/v1/forward-auth',
      '/v1/gate',
      '/v1/penalty',
      '/v1/refund',
      '/v1/reserve',
      '/v1/reset',
      '/v1/settle',
    ])
    expect(Object.keys(paths['/v1/gate'])).toHaveLength(8)
  })
})
