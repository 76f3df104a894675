"""Change: what came, went or was moved while nobody looked, decided by rays of depth images."""
