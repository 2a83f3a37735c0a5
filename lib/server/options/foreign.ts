import type { Setting } from '../oslo-config.ts'
import { sectionKey } from './option.ts'

/** Options of Glance, of some release, that there are not here. */
interface Foreign {
  /** In lower case, but for `DEFAULT`. */
  readonly section: string
  /** By their names, or patterns with `*`. */
  readonly options: readonly string[]
  /** What is done about it, and why. */
  readonly because: string
}

interface Refused extends Foreign {
  /** Values with which an option changes nothing. */
  readonly harmless?: RegExp
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** What a service without them would be less safe than who set them believes. */
const REFUSED: readonly Refused[] = [
  {
    section: 'DEFAULT',
    options: ['metadata_encryption_key'],
    because: 'locations are not encrypted here; leave it out, and let db import decrypt them',
  },
  {
    section: 'DEFAULT',
    options: ['allow_additional_image_properties'],
    harmless: /^(?:true|1|yes|on)$/i,
    because: 'custom properties are allowed here unless property_protection_file says otherwise',
  },
  {
    section: 'database',
    options: ['connection_parameters'],
    because: 'put it behind a ? at the end of the connection',
  },
  {
    section: 'keystone_authtoken',
    options: ['auth_section'],
    because: 'put the options of that section into this one',
  },
  {
    section: 'keystone_authtoken',
    options: ['enforce_token_bind'],
    harmless: /^(?:disabled|permissive)$/,
    because: 'bound tokens are not told from others here',
  },
  ...words('keystone_authtoken oslo_limit').map(section => ({
    section,
    options: ['trust_id'],
    because: 'tokens are not got by a trust here',
  })),
  {
    section: 'ssl',
    options: words('ca_file cert_file key_file ciphers version'),
    because: 'TLS is what cert_file, key_file and ca_file of [DEFAULT] are for',
  },
  ...words('key_manager barbican barbican_service_user vault').map(section => ({
    section,
    options: ['*'],
    because: 'signatures of images are not verified here',
  })),
]

const NO_BROKER = 'notifications are not sent'
const NO_LOG = 'what is told goes where the command line says'
const NO_REGISTRY = 'there is no registry'
const NO_THREADS = 'it is of how Glance is made'
const NO_STORE = 'there is no such store'

const IGNORED: readonly Foreign[] = [
  {
    section: 'DEFAULT',
    because: NO_LOG,
    options: words(
      `debug verbose log_* logging_* logfile logdir use_syslog use_syslog_rfc_format syslog_log_facility
      use_journal use_json use_eventlog use_stderr watch_log_file max_logfile_* rate_limit_* publish_errors
      default_log_levels instance_format instance_uuid_format fatal_deprecations wsgi_log_format`,
    ),
  },
  {
    section: 'DEFAULT',
    because: NO_BROKER,
    options: words(
      `notifier_strategy notification_driver notification_topics rabbit_* qpid_* kombu_* amqp_* transport_url
      control_exchange rpc_* conn_pool_* executor_thread_pool_size disabled_notifications default_publisher_id`,
    ),
  },
  {
    section: 'DEFAULT',
    because: NO_REGISTRY,
    options: words(
      'registry_* auth_strategy auth_region send_identity_* use_user_token admin_user admin_password admin_tenant_name auth_host auth_port auth_protocol auth_url enable_v1_registry enable_v2_registry',
    ),
  },
  {
    section: 'DEFAULT',
    because: NO_THREADS,
    options: words(
      `backdoor_port backdoor_socket backlog tcp_keepidle http_keepalive wsgi_* eventlet_hub pydev_worker_debug_*
      max_header_line graceful_shutdown_timeout worker_self_reference_url run_external_periodic_tasks pipe_handle
      daemon restore api_paste_config python_interpreter lock_path disable_process_locking digest_algorithm
      location_strategy secure_proxy_ssl_header metadata_source_path db_enforce_mysql_charset use_tpool
      sql_connection_debug sql_connection_trace dbapi_use_tpool db_backend sqlite_synchronous`,
    ),
  },
  {
    section: 'DEFAULT',
    because: 'the service sees to it by itself',
    options: words('image_cache_driver scrubber_datadir cleanup_scrubber cleanup_scrubber_time'),
  },
  {
    section: 'DEFAULT',
    because: NO_STORE,
    options: words('sheepdog_* cinder_* vmware_* mongodb_*'),
  },
  {
    section: 'glance_store',
    because: NO_STORE,
    options: words('sheepdog_* cinder_* vmware_* rootwrap_config'),
  },
  {
    section: 'database',
    because: 'the driver sees to it by itself',
    options: words(
      `backend slave_connection sqlite_* mysql_* connection_debug connection_trace use_tpool use_db_reconnect
      db_retry_interval db_inc_retry_interval db_max_retry_interval min_pool_size`,
    ),
  },
  {
    section: 'keystone_authtoken',
    because: 'nothing here needs it',
    options: words(
      `memcache* cache http_request_max_retries include_service_catalog auth_version service_type delay_auth_decision
      split_loggers collect_timing service_name valid_interfaces *_retries *_retry_delay *_version identity_uri
      admin_* auth_host auth_port auth_protocol auth_admin_prefix signing_dir check_revocations_for_cached
      hash_algorithms revocation_cache_time enforce_token_bind default_domain_id default_domain_name`,
    ),
  },
  {
    section: 'oslo_limit',
    because: 'nothing here needs it',
    options: words(
      `service_type service_name valid_interfaces endpoint_override version *_version *_retries *_retry_delay
      split_loggers collect_timing default_domain_id default_domain_name`,
    ),
  },
  {
    section: 'paste_deploy',
    because: 'the flavor says all that counts',
    options: ['config_file'],
  },
  { section: 'task', because: NO_THREADS, options: words('task_executor work_dir') },
  {
    section: 'taskflow_executor',
    because: NO_THREADS,
    options: words('engine_mode conversion_format'),
  },
  {
    section: 'oslo_middleware',
    because: 'links are of public_endpoint, or relative',
    options: ['*'],
  },
  {
    // What its sample calls the section.
    section: 'glance_download_opts',
    because: 'Glance itself reads it in [glance_download_properties]',
    options: ['extra_properties'],
  },
  { section: 'cors', because: 'browsers of other sites are not let in', options: ['*'] },
  { section: 'healthcheck', because: 'it tells whether the service answers', options: ['*'] },
  ...sections(
    NO_BROKER,
    `oslo_messaging_amqp oslo_messaging_kafka oslo_messaging_notifications oslo_messaging_rabbit
    oslo_messaging_zmq matchmaker_redis`,
  ),
  ...sections(
    NO_THREADS,
    `wsgi profiler oslo_concurrency oslo_reports oslo_metrics os_brick privsep privsep_osbrick cache
    store_type_location_strategy`,
  ),
  ...sections(
    NO_STORE,
    `cinder file rbd glance.store.http.store glance.store.rbd.store glance.store.s3.store
    glance.store.swift.store glance.store.cinder.store glance.store.filesystem.store
    glance.store.vmware_datastore.store`,
  ),
]

function sections(because: string, names: string): readonly Foreign[] {
  return words(names).map(section => ({ section, because, options: ['*'] }))
}

/** Why a setting of Glance's cannot be left aside; undefined where it can, or where nobody knows it. */
export function refusalOf(setting: Setting): string | undefined {
  const found = REFUSED.find(foreign => isOf(setting, foreign))
  return found?.harmless?.test(setting.value.trim()) === true ? undefined : found?.because
}

/** Why a setting of Glance's can be left aside; undefined where it cannot, or where nobody knows it. */
export function reasonToIgnore(setting: Setting): string | undefined {
  const found = [...IGNORED, ...REFUSED].find(foreign => isOf(setting, foreign))
  return found?.because
}

function isOf({ section, option }: Setting, foreign: Foreign): boolean {
  const name = option.replaceAll('-', '_')
  return (
    sectionKey(section) === foreign.section &&
    foreign.options.some(pattern => {
      const [before = '', ...after] = pattern.split('*')
      return after.length === 0
        ? name === pattern
        : name.startsWith(before) && name.endsWith(after.join(''))
    })
  )
}
