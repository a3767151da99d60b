# The questions biologists ask, on real cells, beside what was published: all parts of bench/biology/ in one run, each in a session
# of its own, then one line for each claim.
#
#   Rscript bench/biology.R [PART ...]
#
# PARTS: criticality, fate, perturb, network; all by default. Needs the folder of real data. Tables and figures go to bench/out/; the
# claims to bench/out/biology_claims.csv.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "real_data.R"))
source(file.path(here, "biology", "claims.R"))

parts <- commandArgs(TRUE)
if (length(parts) == 0L) parts <- c("criticality", "fate", "perturb", "network")
rscript <- file.path(R.home("bin"), "Rscript")
failed <- character()
for (part in parts) {
  message("\n== ", part, " ==")
  unlink(file.path(bench_out, paste0("claims_", part, ".csv")))
  status <- timed(part, system2(rscript, shQuote(file.path(bench_root, "bench", "biology", paste0(part, ".R")))))
  if (status != 0L) failed <- c(failed, part)
}

table <- claim_table()
utils::write.csv(table, file.path(bench_out, "biology_claims.csv"), row.names = FALSE)
message("\n== claims ==")
for (i in seq_len(nrow(table))) {
  with(table[i, ], cat(sprintf("%s  %s [%s]\n      %s: %s\n", id, claim, published, verdict, ours)))
}
print(base::table(table$verdict))
if (length(failed) > 0L) stop("these parts failed: ", paste(failed, collapse = ", "))
