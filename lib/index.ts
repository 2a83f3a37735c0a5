/**
 * The library. Opens endpoints, plans what makes one have the images of another, and carries it out:
 *
 * ```ts
 * await using source = await openEndpoint('http://one:9292', options)
 * await using target = await openEndpoint('dir:/srv/images', { ...options, writable: true })
 * const planned = (onUnreadable, signal) => plan(source, target, {}, { onUnreadable, signal })
 * for await (const event of run(planned, source, target)) console.log(event.type)
 * ```
 */
export type { Abortable } from './abort.ts'
export type { Database, ImageRecord } from './database/database.ts'
export type { DatabaseModule, ModuleSettings } from './database/module.ts'
export { SimpleDatabase } from './database/simple/simple.ts'
export type {
  Endpoint,
  EndpointFeatures,
  ImageAddress,
  ImageData,
  ListOptions,
  MemberAccess,
  Membership,
  PullMethod,
  RefusedField,
  Withdrawal,
  Written,
} from './endpoint/endpoint.ts'
export { MemoryEndpoint } from './endpoint/memory.ts'
export type { ApiVersion } from './endpoint/negotiate.ts'
export { openEndpoint, type OpenEndpointOptions } from './endpoint/open.ts'
export { type ErrorCode, GlanceError, isGlanceError } from './errors.ts'
export type { Filter } from './filter/filter.ts'
export { matcher, type Matcher } from './filter/match.ts'
export { parseFilter } from './filter/parse.ts'
export { printFilter } from './filter/print.ts'
export { hintOf } from './filter/push.ts'
export type { Digest } from './image/digest.ts'
export { ANY_OWNER, type Image, type Visibility } from './image/image.ts'
export type { ImageHint } from './image/query.ts'
export type { ImageStatus } from './image/status.ts'
export { type Cloud, type CloudOptions, openCloud } from './keystone/cloud.ts'
export { type CloudName, cloudNamed } from './keystone/clouds.ts'
export type { Project, ProjectList } from './keystone/projects.ts'
export { fixedToken, type TokenSource } from './keystone/token-source.ts'
export { type Extra, Extras, type UnreadableExtra } from './replicate/extras.ts'
export { type FieldOptions, FieldRules } from './replicate/fields.ts'
export { IdMap, type IdMapOptions } from './replicate/id-map.ts'
export type { Order } from './replicate/order.ts'
export {
  type Found,
  type OnConflict,
  plan,
  type PlanContext,
  type PlanOptions,
  type PlanStep,
  type SkipReason,
  survey,
} from './replicate/plan.ts'
export type { ProjectMap } from './replicate/project-map.ts'
export { PROVENANCE } from './replicate/provenance.ts'
export type { Via } from './replicate/pull.ts'
export {
  type KeepReason,
  planRemovals,
  type Removal,
  removeAll,
  type RemovalContext,
  type RemovalLimit,
  type RemovalPlan,
  type RemovalStep,
  type Removed,
} from './replicate/removal.ts'
export { renumbered, renumbering } from './replicate/renumber.ts'
export { count, NOTHING, type Totals } from './replicate/report.ts'
export { run, type RunOptions, type TransferEvent } from './replicate/run.ts'
export { type Newest, Selection, type SelectionOptions } from './replicate/select.ts'
export type { StoreModule, StoreModuleSettings } from './store/module.ts'
export type { StoreOptions } from './store/options.ts'
export type { Location, Store, StoredData } from './store/store.ts'
export type { Bytes } from './stream/bytes.ts'
export type { ByteRange } from './stream/range.ts'
export type { AttributeValue, FieldChange } from './wire/attributes.ts'
export type { Expressed, LostField } from './wire/loss.ts'
