import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Daemon, freePort, startDaemon } from '../test/real/support/daemon.ts'
import { waitUntil } from '../test/real/support/wait.ts'

/** A Glance that is read from, v1 and v2: nginx, and files that it answers with. */
export interface Source extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** As a person types it. */
  readonly address: string
}

export type Fields = Readonly<Record<string, unknown>>

export const VERSIONS = {
  versions: [
    { id: 'v2.9', status: 'CURRENT', links: [] },
    { id: 'v1.1', status: 'DEPRECATED', links: [] },
  ],
}

/** One whose only image has the data of a file, which nginx sends by sendfile; `v1` and `v2` are what it says of it. */
export async function oneImageSource(
  folder: string,
  { file, v1, v2 }: { readonly file: string; readonly v1: Fields; readonly v2: Fields },
): Promise<Source> {
  const id = String(v2['id'])
  await mkdir(join(folder, 'pages'), { recursive: true })
  const write = (name: string, document: unknown) =>
    writeFile(join(folder, 'pages', name), JSON.stringify(document))
  await write('first.json', { images: [v2], schema: '/v2/schemas/images', first: '/v2/images' })
  await write('none.json', { images: [], schema: '/v2/schemas/images', first: '/v2/images' })
  await write('v1.json', { images: [v1] })
  await write('image.json', v2)
  return await nginx(
    folder,
    `location = /v2/images/${id} { alias ${folder}/pages/image.json; }
    location = /v2/images/${id}/file { default_type application/octet-stream; alias ${file}; }
    location = /v1/images/${id} { default_type application/octet-stream; alias ${file}; }
    location = /v1/images/detail {
      if ($arg_marker) { return 200 '{"images": []}'; }
      alias ${folder}/pages/v1.json;
    }`,
  )
}

/** One that lists the pages of a folder, as {@link pageOf} names them, without any data. */
export async function pagesSource(folder: string, pages: string): Promise<Source> {
  await mkdir(folder, { recursive: true })
  return await nginx(folder, '', pages)
}

/** The name of the file with the images that follow one; `none.json` is a list without anything in it. */
export function pageOf(marker: string | null): string {
  return marker === null ? 'first.json' : `page-${marker}.json`
}

/** nginx in a folder, with further locations; it is its own user's, and keeps nothing elsewhere. */
async function nginx(
  folder: string,
  locations: string,
  pages = join(folder, 'pages'),
): Promise<Source> {
  await writeFile(join(pages, 'versions.json'), JSON.stringify(VERSIONS))
  return await launched(folder, async port => {
    const configuration = join(folder, 'nginx.conf')
    await writeFile(configuration, settings(folder, pages, port, locations))
    return ['/usr/sbin/nginx', '-p', folder, '-c', configuration]
  })
}

/** A program that answers at a free port as long as it runs, started once more when somebody else has taken that. */
export async function launched(
  folder: string,
  wordsFor: (port: number) => Promise<readonly string[]>,
): Promise<Source> {
  const launch = async () => {
    const port = await freePort()
    const log = join(folder, 'launched.log')
    const daemon = await startDaemon([...(await wordsFor(port))], { folder, log })
    await whenHealthy(daemon, `http://127.0.0.1:${port}/versions`)
    return { daemon, port }
  }
  const { daemon, port } = await launch().catch(launch)
  return {
    url: `http://127.0.0.1:${port}`,
    address: `127.0.0.1:${port}`,
    pid: daemon.pid,
    [Symbol.asyncDispose]: daemon.stop,
  }
}

export async function whenHealthy(daemon: Daemon, url: string): Promise<void> {
  try {
    await waitUntil(`${url} answers`, async () => {
      if (daemon.hasEnded()) throw new Error(`it ended:\n${await daemon.log()}`)
      return await fetch(url).then(
        async response => (await response.text()) !== undefined,
        () => false,
      )
    })
  } catch (error) {
    await daemon.stop()
    throw error
  }
}

function settings(folder: string, pages: string, port: number, locations: string): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.err;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  sendfile_max_chunk 2m;
  keepalive_requests 1000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  default_type application/json;
  map "$arg_os_hidden:$arg_marker" $page {
    default /first.json;
    ~^true: /none.json;
    "~^:(?<after>.+)$" /page-$after.json;
  }
  server {
    listen 127.0.0.1:${port};
    root ${pages};
    location = /versions { try_files /versions.json =404; }
    location = /v2/images { try_files $page =404; }
    location = /v2/schemas/image { try_files /schema.json =404; }
    ${locations}
  }
}
`
}
