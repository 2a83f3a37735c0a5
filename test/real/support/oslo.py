"""What oslo.config makes of files of settings, by the options of Debian's Glance. The argument is JSON: a list of lists of
files that are read together. Prints JSON: `options`, all that there are, and `read`, what each of these lists sets."""
import json
import logging
import sys
import warnings

warnings.filterwarnings('ignore')
logging.disable(logging.CRITICAL)

from oslo_config import cfg, generator  # noqa: E402

NAMESPACES = (
    'glance', 'glance.api', 'glance.scrubber', 'glance.multi_store', 'glance.store',
    'oslo.concurrency', 'oslo.db', 'oslo.db.concurrency', 'oslo.limit', 'oslo.log',
    'oslo.messaging', 'oslo.middleware.cors', 'oslo.middleware.healthcheck',
    'oslo.middleware.http_proxy_to_wsgi', 'oslo.policy', 'oslo.reports',
    'keystonemiddleware.auth_token', 'castellan.config', 'osprofiler',
)


def options():
    """Every option, with the name of its section."""
    seen = set()
    for _, groups in generator._list_opts(NAMESPACES):
        for group, opts in groups:
            section = getattr(group, 'name', group) or 'DEFAULT'
            for opt in opts:
                if (section, opt.dest) not in seen:
                    seen.add((section, opt.dest))
                    yield section, opt
    # What keystoneauth has for a password, which Glance registers when it is running.
    from keystoneauth1 import loading
    for opt in loading.get_auth_plugin_conf_options('password'):
        if ('keystone_authtoken', opt.dest) not in seen:
            yield 'keystone_authtoken', opt


def text(value):
    """A value as it would stand in a file."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ','.join('%s:%s' % pair for pair in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ','.join(str(item) for item in value)
    return str(value)


def read(files, known):
    """What these files set; None for files that are no settings."""
    conf = cfg.ConfigOpts()
    for section, opt in known:
        conf.register_opt(opt, group=None if section == 'DEFAULT' else section)
    try:
        conf([word for file in files for word in ('--config-file', file)], project='none')
    except cfg.Error:
        return None
    found = {}
    for section, opt in known:
        group = conf if section == 'DEFAULT' else conf[section]
        key = '%s.%s' % (section, opt.dest)
        try:
            opt._get_from_namespace(conf._namespace, None if section == 'DEFAULT' else section)
        except KeyError:
            continue
        try:
            found[key] = text(getattr(group, opt.dest))
        except (cfg.Error, ValueError, AttributeError, RecursionError):
            found[key] = {'error': True}
    return found


def main(cases):
    known = list(options())
    for _, opt in known:
        opt.required = False
    rows = [dict(section=section, name=opt.dest, default=text(opt.default)) for section, opt in known]
    print(json.dumps(dict(options=rows, read=[read(files, known) for files in cases])))


main(json.loads(sys.argv[1]))
