/** The rules of `weir dev`, and a first example of the format: one limit to load, one to run into. */
export const DEMO_RULES = `version: 1
rules:
  # 100 tokens a second, at most 100 at once.
  - name: demo
    limits: [{ rate: 100/s, burst: 100 }]
  # Five tries, then one every twelve seconds.
  - name: login
    limits: [{ rate: 5/m, burst: 5 }]
`
