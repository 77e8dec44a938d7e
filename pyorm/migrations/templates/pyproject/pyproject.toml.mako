[tool.pyorm]
# Where revision scripts are; %(here)s is this file's folder.
script_location = "${script_location}"

# The database; env.py reads it.
sqlalchemy.url = "postgresql://user:password@localhost/name"

# What is put in front of sys.path, so that env.py can import your models.
prepend_sys_path = ["."]

# How files of new scripts are called. Tokens: rev, slug, epoch, year, month, day, hour, minute, second.
# file_template = "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s"

# The time zone of dates in new scripts; local time if there is none.
# timezone = "UTC"

# How long the message may be in a file's name.
# truncate_slug_length = 40

# Whether env.py is run for `revision` without --autogenerate too.
# revision_environment = false

# Whether compiled scripts count whose source is gone.
# sourceless = false

# Where scripts are, if not in versions/ below script_location; and whether folders below count.
# version_locations = ["%(here)s/billing/versions", "%(here)s/shop/versions"]
# recursive_version_locations = false

# The encoding of new scripts.
# output_encoding = "utf-8"

# What is run over new scripts.
# [[tool.pyorm.post_write_hooks]]
# name = "ruff"
# type = "module"
# module = "ruff"
# options = "check --fix REVISION_SCRIPT_FILENAME"
