"""Operations of migrations: what `op.…` calls and autogenerate build, and how they are carried out."""
