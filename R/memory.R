# Memory that a call would need: refused before anything is allocated where it is more than is free.

# Needs below this are not looked at: 256 MB.
memory_passed_over <- 2^28

# What is taken to be free where the system does not say: 1 TB.
memory_unknown <- 2^40

# Bytes that are free, swap not counted: the least of what the system and, in a container, the group may still have.
free_memory <- function(meminfo = "/proc/meminfo", group = "/sys/fs/cgroup") {
  number_in <- function(file, pattern) {
    lines <- tryCatch(suppressWarnings(readLines(file, warn = FALSE)), error = function(e) character())
    found <- grep(pattern, lines, value = TRUE)
    if (length(found) == 0L) NA_real_ else suppressWarnings(as.numeric(gsub("[^0-9]", "", found[[1L]])))
  }
  system <- 1024 * number_in(meminfo, "^MemAvailable:")
  # A group without a limit says "max".
  limit <- number_in(file.path(group, "memory.max"), "^[0-9]+$")
  used <- number_in(file.path(group, "memory.current"), "^[0-9]+$")
  free <- c(system, max(0, limit - used))
  free <- free[is.finite(free)]
  if (length(free) == 0L) memory_unknown else min(free)
}

# Stops where `numbers` of `bytes` each do not fit into what is free. `argument`: the count that makes it so many, of
# this `value`; `what`: what they are.
check_memory <- function(numbers, argument, value, what, bytes = 8) {
  need <- numbers * bytes
  if (is.finite(need) && need <= memory_passed_over) {
    return(invisible())
  }
  free <- free_memory()
  if (is.finite(need) && need <= free) {
    return(invisible())
  }
  stop_input(
    argument, "`", argument, "` is ", format(value, digits = 15L, big.mark = ","), ": ", what, " would need ",
    byte_text(need), " of memory, but ", byte_text(free), " are free. Take a smaller `", argument, "`."
  )
}

byte_text <- function(bytes) {
  units <- c("B", "kB", "MB", "GB", "TB", "PB", "EB")
  power <- max(0, min(length(units) - 1L, floor(log(max(bytes, 1), 1000))))
  paste0(format(signif(bytes / 1000^power, 3L), scientific = bytes / 1000^power >= 1e6), " ", units[[power + 1L]])
}

# Futures of one start, which are simulated together, and of all that are kept. `kept`: numbers that are kept of each
# future.
check_future_memory <- function(n.sim, dims, starts = 1, kept = 0) {
  check_memory(n.sim * (3 * (dims + 1) + starts * kept), "n.sim", n.sim, "the simulated states")
}

# bootstrap_counts() where its counts fit into memory.
bootstrap_draws <- function(n, n.boot, seed) {
  check_memory(2 * n * n.boot, "n.boot", n.boot, "the bootstrap samples")
  bootstrap_counts(n, n.boot, seed)
}

# The last net: an allocation of the core that no estimate foresaw has failed.
stop_memory <- function() {
  stop_core("numeric", "", paste0(
    "There is not enough memory for this call; ", byte_text(free_memory()),
    " are free. Ask for fewer cells, futures, times or genes at once."
  ))
}
