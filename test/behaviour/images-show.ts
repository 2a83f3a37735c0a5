import { CALLERS, create, patch, type Row, type Scenario, type Who } from './table.ts'

/** How an image may be seen. */
export const VISIBILITIES = ['public', 'private', 'shared', 'community'] as const
/** Those who say who they are. */
export const WHO = (Object.keys(CALLERS) as Who[]).filter(who => who !== 'nobody') // As they are typed.

/** Whether the image of the owner, which has a member, is there for somebody. */
export function maySee(who: Who, visibility: (typeof VISIBILITIES)[number]): boolean {
  if (who === 'owner' || who === 'admin') return true
  if (visibility === 'private') return false
  return visibility !== 'shared' || who === 'member'
}

const STATUSES = ['pending', 'accepted', 'rejected'] as const

const matrix = VISIBILITIES.flatMap(visibility =>
  WHO.flatMap((who): Row[] => {
    const sees = maySee(who, visibility)
    const changes = who === 'owner' || who === 'admin'
    const writes = changes ? 200 : sees ? 403 : 404
    const article = `${visibility} image`
    return [
      {
        title: `the ${who} ${sees ? 'sees' : 'does not see'} a ${article}`,
        as: who,
        ask: `GET /v2/images/{${visibility}}`,
        status: sees ? 200 : 404,
        ...(sees && { shows: { id: `{${visibility}}`, visibility } }),
      },
      {
        title: `the ${who} ${sees ? 'downloads' : 'does not download'} a ${article}`,
        as: who,
        ask: `GET /v2/images/{${visibility}}/file`,
        status: sees ? 204 : 404,
      },
      patch(visibility, [{ op: 'add', path: '/by', value: who }], {
        title: `the ${who} ${changes ? 'changes' : 'does not change'} a ${article}`,
        as: who,
        status: writes,
      }),
      {
        title: `the ${who} ${changes ? 'tags' : 'does not tag'} a ${article}`,
        as: who,
        ask: `PUT /v2/images/{${visibility}}/tags/t`,
        status: changes ? 204 : writes,
      },
      {
        title: `the ${who} ${changes ? 'might upload' : 'does not upload'} to a ${article}`,
        as: who,
        ask: `PUT /v2/images/{${visibility}}/file`,
        headers: { 'content-type': 'application/octet-stream' },
        body: 'data',
        // It has no formats.
        status: changes ? 400 : writes,
      },
      {
        title: `the ${who} ${changes ? 'might deactivate' : 'does not deactivate'} a ${article}`,
        as: who,
        ask: `POST /v2/images/{${visibility}}/actions/deactivate`,
        // It is queued.
        status: changes ? 403 : writes,
      },
      ...(changes
        ? []
        : [
            {
              title: `the ${who} does not delete a ${article}`,
              as: who,
              ask: `DELETE /v2/images/{${visibility}}`,
              status: writes,
            },
          ]),
    ]
  }),
)

export const SHOW: readonly Scenario[] = [
  {
    name: 'visibility',
    rows: [
      ...VISIBILITIES.map(visibility => create(visibility, { visibility: 'shared' })),
      ...VISIBILITIES.map((visibility): Row => {
        return {
          title: `the ${visibility} one gets a member`,
          ask: `POST /v2/images/{${visibility}}/members`,
          body: { member: 'member' },
          status: 200,
        }
      }),
      ...VISIBILITIES.filter(visibility => visibility !== 'shared').map(visibility =>
        patch(visibility, [{ op: 'replace', path: '/visibility', value: visibility }], {
          title: `and becomes ${visibility}`,
          as: 'admin',
          shows: { visibility },
        }),
      ),
      ...matrix,
      ...STATUSES.flatMap((status): Row[] => [
        {
          title: `the member is ${status}`,
          as: 'member',
          ask: 'PUT /v2/images/{shared}/members/member',
          body: { status },
          status: 200,
          shows: { status },
        },
        {
          title: `and sees the image, ${status}`,
          as: 'member',
          ask: 'GET /v2/images/{shared}',
          status: 200,
        },
      ]),
    ],
  },
  {
    name: 'show',
    rows: [
      create('nobodys', { owner: null }, 'admin'),
      {
        title: "everybody sees nobody's image",
        as: 'stranger',
        ask: 'GET /v2/images/{nobodys}',
        status: 200,
        shows: { owner: null, id: '{nobodys}' },
      },
      create('gone', {}),
      { title: 'it is deleted', ask: 'DELETE /v2/images/{gone}', status: 204 },
      { title: 'a deleted image is not found', ask: 'GET /v2/images/{gone}', status: 404 },
      {
        title: 'by administrators neither',
        as: 'admin',
        ask: 'GET /v2/images/{gone}',
        status: 404,
      },
      create('full', {
        disk_format: 'qcow2',
        container_format: 'bare',
        visibility: 'private',
        min_disk: 1,
        min_ram: 2,
        tags: ['z', 'a'],
        os_distro: 'debian',
        foo: 'bar',
      }),
      {
        title: 'an image is shown with all that was said',
        ask: 'GET /v2/images/{full}',
        status: 200,
        answers: { 'content-type': 'application/json' },
        shows: {
          id: '{full}',
          name: 'full',
          disk_format: 'qcow2',
          container_format: 'bare',
          visibility: 'private',
          min_disk: 1,
          min_ram: 2,
          tags: ['a', 'z'],
          os_distro: 'debian',
          foo: 'bar',
          file: '/v2/images/{full}/file',
        },
        lacks: ['direct_url', 'locations', 'stores', 'kernel_id'],
      },
    ],
  },
]
