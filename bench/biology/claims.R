# The published claims of both methods (claims.csv beside this file, one line each), and what the benchmarks say of them. `otherwise`
# holds for claims that none of the scripts here makes a line of: those that follow from how the package is made, that other
# benchmarks measure, or that cannot be tested. pancreas.R makes the lines of velocity fields.
# Sourced by the scripts of this folder.

published_claims <- function() utils::read.csv(file.path(bench_root, "bench", "biology", "claims.csv"))

claim_verdicts <- c("reproduced", "not reproduced", "not testable here")

# Says what was found of a claim: `ours` in words and numbers. `part` names the script. The lines of a part stand in
# bench/out/claims_PART.csv; a claim that is made again is replaced.
claim <- function(part, id, ours, verdict) {
  stopifnot(id %in% published_claims()$id, verdict %in% claim_verdicts)
  file <- file.path(bench_out, paste0("claims_", part, ".csv"))
  former <- if (file.exists(file)) utils::read.csv(file)
  made <- data.frame(id = id, ours = ours, verdict = verdict)
  utils::write.csv(rbind(former[former$id != id, ], made), file, row.names = FALSE)
  message("claim ", id, ": ", verdict, ": ", ours)
}

# All claims with what was found, in the order of claims.csv.
claim_table <- function() {
  files <- list.files(bench_out, "^claims_.*[.]csv$", full.names = TRUE)
  found <- do.call(rbind, lapply(files, utils::read.csv))
  all <- published_claims()
  at <- match(all$id, found$id)
  data.frame(
    all[c("id", "source", "claim", "published")],
    ours = ifelse(is.na(at), sub("^[a-z ]*: ", "", all$otherwise), found$ours[at]),
    verdict = ifelse(is.na(at), sub(":.*", "", all$otherwise), found$verdict[at])
  )
}
