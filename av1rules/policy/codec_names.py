"""Names that a probe may report: FFmpeg 9's codecs, and our names of containers.

They are listed here because checking a rules file starts no program. Pure.
"""

VIDEO = (
    "012v 4xm 8bps = a64_multi a64_multi5 aasc agm aic alias_pix amv anm ansi apng apv arbc argo "
    "asv1 asv2 aura aura2 av1 avrn avrp avs avs2 avs3 avui bethsoftvid bfi binkvideo bintext "
    "bitpacked bmp bmv_video brender_pix c93 cavs cdgraphics cdtoons cdxl cfhd cinepak clearvideo "
    "cljr cllc cmv cpia cri cscd cyuv daala dds dfa dirac dnxhd dnxuc dpx dsicinvideo dvvideo dxa "
    "dxtory dxv escape124 escape130 evc exr ffv1 ffvhuff fic fits flashsv flashsv2 flic flv1 fmvc "
    "fraps frwu g2m gdv gem gif h261 h263 h263i h263p h264 hap hdr hevc hnm4video hq_hqa hqx "
    "huffyuv hymt idcin idf iff_ilbm imm4 imm5 indeo2 indeo3 indeo4 indeo5 interplayvideo ipu "
    "jpeg2000 jpegls jpegxl jpegxl_anim jpegxs jv kgv1 kmvc lagarith lcevc lead ljpeg loco lscr "
    "m101 mad magicyuv mdec media100 mimic mjpeg mjpegb mmvideo mobiclip motionpixels mpeg1video "
    "mpeg2video mpeg4 msa1 mscc msmpeg4v1 msmpeg4v2 msmpeg4v3 msp2 msrle mss1 mss2 msvideo1 mszh "
    "mts2 mv30 mvc1 mvc2 mvdv mvha mwsc mxpeg notchlc nuv paf_video pam pbm pcx pdv pfm pgm "
    "pgmyuv pgx phm photocd pictor pixlet png ppm prores prores_raw prosumer psd ptx qdraw qoi "
    "qpeg qtrle r10k r210 rasc rawvideo rl2 roq rpza rscc rtv1 rv10 rv20 rv30 rv40 rv60 sanm scpr "
    "screenpresso sga sgi sgirle sheervideo simbiosis_imx smackvideo smc smvjpeg snow sp5x "
    "speedhq srgc sunrast svg svq1 svq3 targa targa_y216 tdsc tgq tgv theora thp tiertexseqvideo "
    "tiff tmv tqi truemotion1 truemotion2 truemotion2rt tscc tscc2 txd ulti utvideo v210 v210x vb "
    "vble vbn vc1 vc1image vcr1 vixl vmdvideo vmix vmnc vnull vp3 vp4 vp5 vp6 vp6a vp6f vp7 vp8 "
    "vp9 vqc vvc wbmp wcmv webp webp_anim wmv1 wmv2 wmv3 wmv3image wnv1 wrapped_avframe ws_vqa "
    "xan_wc3 xan_wc4 xbin xbm xface xpm xwd y41p ylc yop yuv4 zerocodec zlib zmbv"
)
AUDIO = (
    "4gv 8svx_exp 8svx_fib aac aac_latm ac3 ac4 acelp.kelvin ahx alac amr_nb amr_wb anull apac "
    "ape apple_apac aptx aptx_hd atmos atrac1 atrac3 atrac3al atrac3p atrac3pal atrac9 avc "
    "binkaudio_dct binkaudio_rdft bmv_audio bonk cbd2_dpcm celt codec2 comfortnoise cook "
    "derf_dpcm dfpwm dolby_e dsd_lsbf dsd_lsbf_planar dsd_msbf dsd_msbf_planar dsicinaudio dss_sp "
    "dst dts dts-es dts-hd-hra dts-hd-ma dvaudio eac3 evrc fastaudio flac ftr g723_1 g728 g729 "
    "gremlin_dpcm gsm gsm_ms hca hcom iac ilbc imc interplay_dpcm interplayacm lc3 mace3 mace6 "
    "metasound misc4 mlp mp1 mp2 mp3 mp3adu mp3on4 mp4als mpegh_3d_audio msnsiren musepack7 "
    "musepack8 nellymoser opus osq paf_audio pcm qcelp qdm2 qdmc qoa ra_144 ra_288 ralf rka "
    "roq_dpcm s302m sbc sdx2_dpcm shorten sipr siren smackaudio smv sol_dpcm sonic sonicls speex "
    "tak truehd truespeech tta twinvq vmdaudio vorbis wady_dpcm wavarc wavesynth wavpack "
    "westwood_snd1 wmalossless wmapro wmav1 wmav2 wmavoice xan_dpcm xma1 xma2"
)
CONTAINERS = (
    "apv av1 avi avs2 avs3 bink cavsvideo dirac dv dxa evc film_cpk flv gif gxf h261 h263 h264 "
    "hevc ivf ivr lavf live_flv m4v mjpeg mkv mov mp4 mpg mtv mxf nsv nut obu ogg pmp rawvideo rm "
    "roq rpl smk swf thp ts vc1 vc1test vivo vvc webm wmv wtv yuv4mpegpipe"
)
