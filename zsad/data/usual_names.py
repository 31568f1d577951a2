"""What folders of the published data sets are called, by their own spelling or in their archives."""

USUAL_NAMES = {
    "mvtec_ad": ("mvtec_ad", "mvtec", "mvtec_anomaly_detection"),
    "visa": ("visa", "visa_pytorch", "visa_20220922", "visa_1cls"),
    "aebad": ("aebad", "aebad_s"),
}
