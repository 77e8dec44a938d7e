# The configuration of migrations of several databases.

[alembic]
# Where revision scripts are; %(here)s is this file's folder.
script_location = ${script_location}

# How files of new scripts are called. Tokens: rev, slug, epoch, year, month, day, hour, minute, second.
# file_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s
# With folders, for which recursive_version_locations has to be true:
# file_template = %%(year)d/%%(month).2d/%%(rev)s_%%(slug)s

# What is put in front of sys.path, so that env.py can import your models.
prepend_sys_path = .

# What separates the paths in this file: os (":" or ";"), space, newline, ":" or ";".
path_separator = os

# The time zone of dates in new scripts; local time if there is none.
# timezone = UTC

# How long the message may be in a file's name.
# truncate_slug_length = 40

# Whether env.py is run for `revision` without --autogenerate too.
# revision_environment = false

# Whether compiled scripts count whose source is gone.
# sourceless = false

# Where scripts are, if not in versions/ below script_location; and whether folders below count.
# version_locations = %(here)s/billing/versions:%(here)s/shop/versions
# recursive_version_locations = false

# The encoding of new scripts.
# output_encoding = utf-8

# The databases: each has a section below.
databases = engine1, engine2

[engine1]
sqlalchemy.url = postgresql://user:password@localhost/first

[engine2]
sqlalchemy.url = postgresql://user:password@localhost/second

# What is run over new scripts.
[post_write_hooks]
# hooks = ruff
# ruff.type = module
# ruff.module = ruff
# ruff.options = check --fix REVISION_SCRIPT_FILENAME

# Loggers; env.py sets them up.
[loggers]
keys = root, engine, migrations

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARNING
handlers = console
qualname =

[logger_engine]
level = WARNING
handlers =
qualname = pyorm.engine

[logger_migrations]
level = INFO
handlers =
qualname = pyorm.migrations

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
datefmt = %H:%M:%S
