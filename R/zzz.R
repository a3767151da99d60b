# A forked child of this process must not use the thread pools it did not inherit: the core tells
# the two apart by the process that loaded it.
.onLoad <- function(libname, pkgname) {
  remember_process()
}
