import { writeFileSync } from 'node:fs'
import { freePort } from '../program.ts'
import { KEYS, keyTexts, type Limit } from '../workload.ts'
import type { Instance, Peer } from './peer.ts'

const TITLE = 'nginx limit_req'

/** One process: a master would only watch it, and its worker would outlive it when it is killed. */
export const nginx: Peer = {
  name: 'nginx',
  title: TITLE,
  programs: [{ name: 'nginx', versionFlag: '-v' }],
  isLinked: false,
  async start(stand, { limit, places }) {
    const instances: Instance[] = []
    for (const core of places) {
      const port = await freePort()
      const file = `${stand.folder}/nginx-${port}.conf`
      writeFileSync(file, configuration(limit, port, stand.folder))
      const words = ['nginx', '-p', stand.folder, '-e', 'stderr', '-c', file]
      const pid = await stand.listener(core, port, words)
      instances.push({ to: { host: '127.0.0.1', port }, pid })
    }
    const { to } = instances[0] as Instance
    return {
      instances,
      ways: async () => [{ title: TITLE, to, route: 'gate', keys: keyTexts(KEYS) }],
    }
  },
}

/** What is allowed is answered from memory. `burst` counts those above the first. */
function configuration({ perSecond, burst }: Limit, port: number, folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/nginx-${kind};`)
    .join(' ')
  return `daemon off; master_process off; pid ${folder}/nginx-${port}.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  ${temporary}
  access_log off;
  keepalive_requests 1000000000;
  limit_req_zone $arg_key zone=keys:32m rate=${perSecond}r/s;
  limit_req_status 429;
  server {
    listen 127.0.0.1:${port};
    location / {
      limit_req zone=keys burst=${burst - 1} nodelay;
      empty_gif;
    }
  }
}
`
}
