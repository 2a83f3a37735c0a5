/** A rule that holds where no policy file has another. */
interface DefaultRule {
  readonly check: string
  /** The default before, which lets people through as well unless `enforce_new_defaults` is on. */
  readonly before?: string
}

const ADMIN = 'rule:context_is_admin'
const ANYONE = 'rule:default'
const ANYONE_METADEF = 'rule:metadef_default'
const METADEF_ADMIN = 'rule:metadef_admin'
const PROJECT_MEMBER = 'role:member and project_id:%(project_id)s'
const MEMBER = `${ADMIN} or (${PROJECT_MEMBER})`
const READER = `${ADMIN} or (role:reader and project_id:%(project_id)s)`
const VISIBLE =
  'project_id:%(project_id)s or project_id:%(member_id)s' +
  " or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s"
const SHARING = `${ADMIN} or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)`
const SEES_IMAGE = `${ADMIN} or (role:reader and (${VISIBLE}))`
const DOWNLOADS = `${ADMIN} or (role:member and (${VISIBLE}))`
const SEES_METADEF = `${ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))`

const ADMIN_ONLY = { check: ADMIN }
const MEMBERS_DO = { check: MEMBER, before: ANYONE }
const CACHE = { check: ADMIN, before: 'rule:manage_image_cache' }
const READS_METADEF = { check: SEES_METADEF, before: ANYONE_METADEF }
const WRITES_METADEF = { check: METADEF_ADMIN }
const TASK = { check: ANYONE }

/** Rules that other rules name (glance/policies/base.py, metadef.py). */
const SHARED_RULES = {
  default: { check: '', before: 'role:admin' },
  context_is_admin: { check: 'role:admin' },
  service_api: { check: 'role:service or role:admin' },
  metadef_default: { check: '' },
  metadef_admin: { check: ADMIN },
} as const satisfies Record<string, DefaultRule>

/** Everything that somebody may or may not do, with Glance's defaults (glance/policies/). */
export const ACTIONS = {
  add_image: {
    check: `${ADMIN} or (${PROJECT_MEMBER} and project_id:%(owner)s)`,
    before: ANYONE,
  },
  delete_image: MEMBERS_DO,
  get_image: { check: SEES_IMAGE, before: ANYONE },
  get_images: { check: READER, before: ANYONE },
  modify_image: MEMBERS_DO,
  publicize_image: ADMIN_ONLY,
  communitize_image: MEMBERS_DO,
  download_image: { check: DOWNLOADS, before: ANYONE },
  download_from_store: { check: DOWNLOADS },
  upload_image: MEMBERS_DO,
  copy_from: MEMBERS_DO,
  delete_image_location: { check: ADMIN, before: ANYONE },
  get_image_location: { check: READER, before: ANYONE },
  set_image_location: MEMBERS_DO,
  add_image_location: {
    check: `rule:service_api or (${PROJECT_MEMBER} and project_id:%(owner)s)`,
  },
  fetch_image_location: { check: 'rule:service_api' },
  add_member: MEMBERS_DO,
  delete_member: MEMBERS_DO,
  get_member: { check: SHARING, before: ANYONE },
  get_members: { check: SHARING, before: ANYONE },
  modify_member: {
    check: `${ADMIN} or (role:member and project_id:%(member_id)s)`,
    before: ANYONE,
  },
  manage_image_cache: ADMIN_ONLY,
  deactivate: MEMBERS_DO,
  reactivate: MEMBERS_DO,
  copy_image: ADMIN_ONLY,
  list_cached_nodes: ADMIN_ONLY,
  cache_image: CACHE,
  cache_list: CACHE,
  cache_delete: CACHE,
  cache_clean: ADMIN_ONLY,
  cache_prune: ADMIN_ONLY,
  stores_info_detail: { check: `${ADMIN} or rule:service_api`, before: ADMIN },
  get_task: TASK,
  get_tasks: TASK,
  add_task: TASK,
  modify_task: TASK,
  tasks_api_access: ADMIN_ONLY,
  get_metadef_namespace: READS_METADEF,
  get_metadef_namespaces: { check: READER, before: ANYONE_METADEF },
  modify_metadef_namespace: WRITES_METADEF,
  add_metadef_namespace: WRITES_METADEF,
  delete_metadef_namespace: WRITES_METADEF,
  get_metadef_object: READS_METADEF,
  get_metadef_objects: READS_METADEF,
  modify_metadef_object: WRITES_METADEF,
  add_metadef_object: WRITES_METADEF,
  delete_metadef_object: WRITES_METADEF,
  list_metadef_resource_types: READS_METADEF,
  get_metadef_resource_type: READS_METADEF,
  add_metadef_resource_type_association: WRITES_METADEF,
  remove_metadef_resource_type_association: WRITES_METADEF,
  get_metadef_property: READS_METADEF,
  get_metadef_properties: READS_METADEF,
  modify_metadef_property: WRITES_METADEF,
  add_metadef_property: WRITES_METADEF,
  remove_metadef_property: WRITES_METADEF,
  get_metadef_tag: READS_METADEF,
  get_metadef_tags: READS_METADEF,
  modify_metadef_tag: WRITES_METADEF,
  add_metadef_tag: WRITES_METADEF,
  add_metadef_tags: WRITES_METADEF,
  delete_metadef_tag: WRITES_METADEF,
  delete_metadef_tags: WRITES_METADEF,
} as const satisfies Record<string, DefaultRule>

/** What somebody may or may not do, by the name of its rule. */
export type Action = keyof typeof ACTIONS

/** All defaults, of rules that others name and of actions. */
export const DEFAULT_RULES: ReadonlyMap<string, DefaultRule> = new Map(
  Object.entries<DefaultRule>({ ...SHARED_RULES, ...ACTIONS }),
)
